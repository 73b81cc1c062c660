//! Where does text stand in a long string? Read in pages, a bounded number of them.

use tokio_util::sync::CancellationToken;

use super::read::FIRST_BYTES;
use super::{About, Connection, InspectError};

/// Pages of one search: 64 MB.
const PAGES: u64 = 1_024;

/// What a search for text came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The first byte of the text, `None` where it was not found.
    pub at: Option<u64>,
    /// Up to which byte was looked.
    pub until: u64,
}

/// Looks for bytes in a string from an offset on, to its end or for 64 MB; `progress` hears up to which byte was looked.
/// Cancelling ends it between two pages.
pub async fn find_text(
    connection: &Connection,
    about: &About,
    text: &[u8],
    from: u64,
    cancel: &CancellationToken,
    mut progress: impl FnMut(u64),
) -> Result<Sought, InspectError> {
    let finder = memchr::memmem::Finder::new(text);
    // A page begins with the end of the one before, so that text across both is found.
    let overlap = text.len().saturating_sub(1);
    let mut tail: Vec<u8> = Vec::new();
    let mut at = from;
    for _ in 0..PAGES {
        if cancel.is_cancelled() {
            break;
        }
        let mut command = redis::cmd("GETRANGE");
        command.arg(&about.name).arg(at).arg(at + FIRST_BYTES - 1);
        let page: Vec<u8> = connection.ask(&command).await?;
        let read = page.len() as u64;
        let begins = at - tail.len() as u64;
        tail.extend_from_slice(&page);
        at += read;
        if let Some(found) = finder.find(&tail) {
            let found = begins + found as u64;
            return Ok(Sought {
                at: Some(found),
                until: found,
            });
        }
        tail.drain(..tail.len().saturating_sub(overlap));
        progress(at);
        if read < FIRST_BYTES {
            break;
        }
    }
    Ok(Sought {
        at: None,
        until: at,
    })
}
