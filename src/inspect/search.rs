//! Which elements of a large collection match a pattern? Of a hash, set or sorted set the server matches, and only what
//! matches travels. Of a list no command does that within bounds (LPOS finds whole elements only, and cannot go on where
//! it ended), so its elements are read in ranges and matched here.

use super::read::{FIRST_BYTES, average, fields, scan, window};
use super::{About, Connection, Continue, InspectError, Kind, Page, Pattern, Value};

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
    matches!(kind, Kind::Hash | Kind::List | Kind::Set | Kind::ZSet)
}

/// What a person typed as a glob: a word is looked for anywhere in a name, a pattern stands for itself.
pub fn as_pattern(typed: &str) -> String {
    if typed.contains(['*', '?', '[']) {
        typed.to_owned()
    } else {
        format!("*{typed}*")
    }
}

/// Looks for elements that match the glob, from the beginning or from where the last page ended: fields of a hash,
/// elements of a list, members of a set or sorted set.
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
        Kind::List => return in_list(connection, about, pattern, from).await,
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

async fn in_list(
    connection: &Connection,
    about: &About,
    pattern: &[u8],
    from: Option<&Continue>,
) -> Result<Found, InspectError> {
    let pattern = Pattern::glob(pattern);
    let count = (FIRST_BYTES / average(about).max(1)).clamp(1, STEP);
    let mut at = match from {
        Some(Continue::Offset(at)) => *at,
        _ => 0,
    };
    let begun = at;
    let mut found = Vec::new();
    let mut next = None;
    for _ in 0..STEPS {
        let range = window("LRANGE", &about.name, at, count);
        let items: Vec<Vec<u8>> = connection.ask(&range).await?;
        let read = items.len() as u64;
        let numbered = (at..).zip(items);
        found.extend(numbered.filter(|(_, item)| pattern.matches(item)));
        at += read;
        next = (read == count).then_some(Continue::Offset(at));
        if next.is_none() || found.len() >= ENOUGH {
            break;
        }
    }
    Ok(Found {
        page: Page {
            value: Value::Found(found),
            next,
        },
        looked_at: at - begun,
    })
}
