//! Which Redis `keys`, `key` and `redis` look at: any one by its URL, else the workspace's cache.

use std::path::Path;

use super::failure::usage;
use super::session::locate;
use crate::workspace::{CacheConfig, Workspace};

/// The cache of `--redis URL`, else of the workspace.
pub(crate) fn open(redis: Option<&str>, workspace: Option<&Path>) -> anyhow::Result<CacheConfig> {
    let workspace = match redis {
        Some(url) => Workspace::for_redis(url).map_err(|error| usage(error.message))?,
        None => Workspace::load(&locate(workspace)?)?,
    };
    if let Some(why) = workspace.cache.url.problem() {
        anyhow::bail!("the workspace's cache cannot be used: {why}");
    }
    if workspace.cache.is_embedded() {
        return Err(usage(
            "this workspace's cache is embedded and lives only inside a running command; name a Redis with --redis URL",
        ));
    }
    Ok(workspace.cache)
}
