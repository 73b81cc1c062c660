//! What `[cache]` and `[sources.NAME]` say.

use std::path::Path;

use toml_edit::Item;

use super::cursor::Cursor;
use super::read::Environment;
use super::{CacheConfig, ConnectionUrl, Publication, SourceConfig, WorkspaceError, url};
use crate::report::Dialect;

/// Puts passwords from the keyring into URLs.
pub(super) type Complete<'a> = &'a dyn Fn(ConnectionUrl) -> ConnectionUrl;

/// Checks a cache URL; the error is one sentence without the secret.
pub(super) fn cache_url(text: &str, environment: Environment<'_>) -> Result<ConnectionUrl, String> {
    let url = ConnectionUrl::new(&url::expand(text, environment)?);
    if url.expose() != CacheConfig::EMBEDDED {
        url.check_cache()?;
    }
    Ok(url)
}

/// Reads `[cache]`.
pub(super) fn cache(
    cursor: &Cursor<'_>,
    environment: Environment<'_>,
    complete: Complete<'_>,
) -> Result<CacheConfig, WorkspaceError> {
    cursor.only(&["url", "prefix", "memory"])?;
    let url = cache_url(cursor.needed_text("url")?, environment)
        .and_then(|url| url.check_engine().map(|()| url))
        .map_err(|why| cursor.wrong("url", why))?;
    let prefix = match cursor.text("prefix")? {
        None => CacheConfig::PREFIX.to_owned(),
        Some(prefix) if prefix.is_empty() || prefix.contains(['{', '}', '*', '?', '[']) => {
            return Err(cursor.wrong(
                "prefix",
                "prefix is empty or holds one of {}*?[; write letters such as \"lookaside\"",
            ));
        }
        Some(prefix) => prefix.to_owned(),
    };
    Ok(CacheConfig {
        url: complete(url),
        prefix,
        memory: cursor.size("memory")?.unwrap_or(CacheConfig::MEMORY),
    })
}

/// Reads `[sources.NAME]`.
pub(super) fn source(
    name: &str,
    cursor: &Cursor<'_>,
    folder: &Path,
    environment: Environment<'_>,
    complete: Complete<'_>,
) -> Result<SourceConfig, WorkspaceError> {
    cursor.only(&[
        "url",
        "max_concurrent_queries",
        "query_timeout",
        "watermark",
        "poll_interval",
        "triggers",
        "forget_after",
        "max_refresh_load",
        "publication",
    ])?;
    let wrong = |why: String| cursor.wrong("url", why);
    let url =
        ConnectionUrl::new(&url::expand(cursor.needed_text("url")?, environment).map_err(wrong)?);
    url.check_source().map_err(wrong)?;
    let url = complete(url.under(folder));
    let mut source = SourceConfig::new(name, url.expose());
    if let Some(count) = cursor.count("max_concurrent_queries")? {
        source.max_concurrent_queries = count;
    }
    if let Some(time) = cursor.some_time("query_timeout")? {
        source.query_timeout = time;
    }
    if let Some(time) = cursor.some_time("poll_interval")? {
        source.poll_interval = time;
    }
    if let Some(time) = cursor.some_time("forget_after")? {
        if time > SourceConfig::REMEMBERED {
            return Err(cursor.wrong(
                "forget_after",
                "requests are remembered for two days; write \"48h\" at most",
            ));
        }
        source.forget_after = time;
    }
    if let Some(share) = cursor.share("max_refresh_load")? {
        source.max_refresh_load = share;
    }
    if cursor.get("watermark").is_some() {
        source.watermark = Some(cursor.needed_text("watermark")?.to_owned());
    }
    source.triggers = cursor.truth("triggers")?.unwrap_or(false);
    if source.triggers && source.url.scheme() != "sqlite" {
        return Err(cursor.wrong(
            "triggers",
            "triggers are for SQLite alone; remove this line",
        ));
    }
    source.publication = publication(cursor)?;
    if source.publication != Publication::Found && source.url.dialect() != Some(Dialect::Postgres) {
        return Err(cursor.wrong(
            "publication",
            "publications are for PostgreSQL alone; remove this line",
        ));
    }
    Ok(source)
}

/// `publication = true` for one of our own, or the name of one that is there.
fn publication(cursor: &Cursor<'_>) -> Result<Publication, WorkspaceError> {
    if cursor.get("publication").and_then(Item::as_str).is_some() {
        let name = cursor.needed_text("publication")?;
        return Ok(Publication::Named(name.to_owned()));
    }
    Ok(match cursor.truth("publication")? {
        Some(true) => Publication::Ours,
        _ => Publication::Found,
    })
}
