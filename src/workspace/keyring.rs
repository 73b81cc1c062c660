//! Passwords in the operating system's keyring, by the URL without its password.
//!
//! A machine without a keyring service is not an error when reading: the URL is then used as it stands.

use secrecy::{ExposeSecret, SecretString};

use super::{ConnectionUrl, WorkspaceError};

const SERVICE: &str = "lookaside";

/// `url` with the password that the keyring has for it, or as it is.
pub(super) fn complete(url: ConnectionUrl) -> ConnectionUrl {
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
            message: "the password cannot be kept: this system's keyring does not answer; put it into an environment \
                      variable and write ${NAME} in its place"
                .to_owned(),
        }),
    }
}

/// The keyring's client blocks and may run an executor of its own, which a thread of ours must not hold.
fn on_own_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    std::thread::spawn(work).join().ok()
}
