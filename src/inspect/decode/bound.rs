//! How something is unpacked that may be a bomb: by pieces, up to a limit.

use std::io::{ErrorKind, Read};

/// How unpacking ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everything is there.
    Whole,
    /// The packed bytes end too early.
    Cut,
    /// There is more than the limit.
    Limit,
    /// The packed bytes are damaged: why.
    Damaged(String),
}

/// What was unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unpacked {
    pub(super) bytes: Vec<u8>,
    pub(super) end: End,
}

impl Unpacked {
    pub(super) fn damaged(why: &str) -> Self {
        Self {
            bytes: Vec::new(),
            end: End::Damaged(why.to_owned()),
        }
    }
}

/// Reads to the end, but at most `limit` bytes.
pub(super) fn read(mut from: impl Read, limit: usize) -> Unpacked {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 32 * 1024];
    let end = loop {
        match from.read(&mut piece) {
            Ok(0) => break End::Whole,
            Ok(count) if count > limit - bytes.len() => {
                let room = limit - bytes.len();
                bytes.extend_from_slice(&piece[..room]);
                break End::Limit;
            }
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break End::Cut,
            Err(error) => break End::Damaged(error.to_string()),
        }
    };
    Unpacked { bytes, end }
}
