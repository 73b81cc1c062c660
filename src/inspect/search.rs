//! Which elements of a large hash, set or sorted set match a pattern? The server matches; only what matches travels.

use super::read::{fields, scan};
use super::{About, Connection, Continue, InspectError, Kind, Page, Value};

/// How many elements one step looks at: less than a millisecond of the server's time.
const STEP: u64 = 1_000;
/// So many steps are taken before what was found is shown.
const STEPS: usize = 50;
/// So many finds are enough for one page.
const ENOUGH: usize = 100;

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The matching elements, and where to go on.
    pub page: Page,
    /// How many elements were looked at for it, about.
    pub looked_at: u64,
}

/// Whether a key of this kind can be searched.
pub fn is_searchable(kind: Kind) -> bool {
    matches!(kind, Kind::Hash | Kind::Set | Kind::ZSet)
}

/// Looks for elements whose name matches the glob, from the beginning or from where the last page ended. Fields of a
/// hash and members of a set or sorted set have names.
pub async fn search(
    connection: &Connection,
    about: &About,
    pattern: &[u8],
    from: Option<&Continue>,
) -> Result<Found, InspectError> {
    let (command, wide) = match about.kind {
        Kind::Hash => ("HSCAN", 2),
        Kind::Set => ("SSCAN", 1),
        Kind::ZSet => ("ZSCAN", 2),
        _ => {
            return Ok(Found {
                page: Page {
                    value: Value::Other,
                    next: None,
                },
                looked_at: 0,
            });
        }
    };
    let mut cursor = match from {
        Some(Continue::Cursor(cursor)) => cursor.clone(),
        _ => b"0".to_vec(),
    };
    let (mut words, mut looked_at) = (Vec::new(), 0);
    let mut next = None;
    for _ in 0..STEPS {
        let (after, found) = scan(
            connection,
            command,
            &about.name,
            &cursor,
            STEP,
            Some(pattern),
        )
        .await?;
        looked_at += STEP;
        words.extend(found);
        next = after;
        match &next {
            Some(Continue::Cursor(after)) if words.len() < ENOUGH * wide => {
                cursor.clone_from(after);
            }
            _ => break,
        }
    }
    let value = match about.kind {
        Kind::Hash => Value::Hash(fields(connection, &about.name, words).await),
        Kind::Set => Value::Set(words),
        _ => Value::ZSet {
            start: 0,
            items: words
                .chunks_exact(2)
                .map(|pair| {
                    let score = String::from_utf8_lossy(&pair[1]).into_owned();
                    (pair[0].clone(), score)
                })
                .collect(),
        },
    };
    let all = about.elements.unwrap_or(looked_at);
    Ok(Found {
        page: Page { value, next },
        looked_at: looked_at.min(all),
    })
}
