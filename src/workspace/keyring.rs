//! Passwords in the operating system's keyring, or in this process alone, by the URL without its password.
//!
//! A machine without a keyring service is not an error when reading: the URL is then used as it stands.

use std::collections::HashMap;

use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};

use super::{ConnectionUrl, WorkspaceError};

const SERVICE: &str = "lookaside";

/// Passwords that are kept until this process ends.
static SESSION: Mutex<Option<HashMap<String, SecretString>>> = Mutex::new(None);

/// Keeps the password of a URL that has none until this process ends: for a machine without a keyring.
pub fn keep_for_session(url: &str, password: &SecretString) {
    let mut kept = SESSION.lock();
    kept.get_or_insert_default()
        .insert(url.to_owned(), password.clone());
}

/// `url` with the password that was given for this session or that the keyring has for it, or as it is.
pub(super) fn complete(url: ConnectionUrl) -> ConnectionUrl {
    let kept = SESSION.lock();
    let given = kept.as_ref().and_then(|kept| kept.get(url.expose()));
    if let Some(password) = given {
        return url.with_password(password.expose_secret());
    }
    drop(kept);
    if !url.wants_password() {
        return url;
    }
    let name = url.expose().to_owned();
    match on_own_thread(move || ::keyring::Entry::new(SERVICE, &name)?.get_password()) {
        Some(Ok(password)) => url.with_password(&password),
        Some(Err(_)) | None => url,
    }
}

/// Keeps a password for a URL that has a user and no password.
pub fn store_password(url: &str, password: &SecretString) -> Result<(), WorkspaceError> {
    let (name, password) = (url.to_owned(), password.clone());
    let stored = on_own_thread(move || {
        ::keyring::Entry::new(SERVICE, &name)?.set_password(password.expose_secret())
    });
    match stored {
        Some(Ok(())) => Ok(()),
        Some(Err(_)) | None => Err(WorkspaceError {
            message: "the password cannot be kept: this system's keyring does not answer; keep it for this session only, \
                      or put it into an environment variable and write ${NAME} in its place"
                .to_owned(),
        }),
    }
}

/// The keyring's client blocks and may run an executor of its own, which a thread of ours must not hold.
fn on_own_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    std::thread::spawn(work).join().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_of_the_session_completes_its_url() {
        for (url, complete_url) in [
            (
                "mysql://reader@session.test/shop",
                "mysql://reader:p%40ss@session.test/shop",
            ),
            // Redis has a password without a user.
            (
                "redis://session.test:6379/0",
                "redis://:p%40ss@session.test:6379/0",
            ),
            (
                "redis://@session.test:6379/0",
                "redis://:p%40ss@session.test:6379/0",
            ),
            (
                "valkey://session.test:6379/0",
                "valkey://:p%40ss@session.test:6379/0",
            ),
        ] {
            let parsed = ConnectionUrl::new(url);
            assert!(parsed.may_take_password(), "{url}");
            keep_for_session(url, &"p@ss".to_owned().into());
            let done = complete(parsed);
            assert_eq!(done.expose(), complete_url);
            assert!(!done.to_string().contains("p%40ss"), "{done}");
        }
        for url in [
            "sqlite:/srv/shop.db",
            "embedded",
            "redis://:a@b/0",
            "redis+unix:///run/r",
            // A database has no password without a user.
            "postgres://session.test/shop",
        ] {
            assert!(!ConnectionUrl::new(url).may_take_password(), "{url}");
        }
    }
}
