//! `lookaside demo --load URL`: the data into a database of the user's own, and a workspace file for it on standard
//! output.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::screen::Screen;
use crate::demo::{Progress, load};
use crate::workspace::ConnectionUrl;

/// Stands in the workspace file where the URL had a password.
const VARIABLE: &str = "SHOP_PASSWORD";

pub(super) async fn run(
    url: &str,
    scale: f64,
    replace: bool,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    let screen = Arc::new(Screen::new());
    let showing = Arc::clone(&screen);
    let progress = move |progress: Progress| showing.progress(&progress);
    let workspace = load(url, scale, replace, progress, cancel.clone()).await?;
    let (without, password) = ConnectionUrl::new(url).split_password();
    let mut text = workspace.to_toml()?;
    let mut hint = String::new();
    if password.is_some() {
        text = text.replace(&without, &with_variable(&without));
        hint = format!("# Set {VARIABLE} to the database's password.\n");
    }
    screen.say(&format!(
        "# Save this as lookaside.toml, and set the cache's URL to your Redis.\n{hint}\n{}",
        text.trim_end()
    ));
    Ok(())
}

/// `mysql://reader@host/shop` with the variable where the password was.
fn with_variable(url: &str) -> String {
    match url.rfind('@') {
        Some(at) => format!("{}:${{{VARIABLE}}}{}", &url[..at], &url[at..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_becomes_a_variable() {
        assert_eq!(
            with_variable("mysql://reader@host/shop"),
            "mysql://reader:${SHOP_PASSWORD}@host/shop"
        );
    }
}
