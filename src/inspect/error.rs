//! Why the inspector cannot answer.

use crate::cache::CacheError;
use crate::table::Interrupted;

use super::gate::Refusal;

/// Why the inspector cannot answer. The message names the cause and the remedy and holds no secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InspectError {
    /// The URL cannot be used, nothing answers, or it refuses the sign-in.
    #[error(transparent)]
    Connect(#[from] CacheError),
    /// The connection broke.
    #[error("the connection to {server} was lost: {cause}; try again")]
    Lost {
        /// Host and port.
        server: String,
        /// The system's words.
        cause: String,
    },
    /// The account lacks a right.
    #[error("this Redis account may not run {command}; allow it with ACL SETUSER ... +{acl}")]
    Denied {
        /// The command.
        command: String,
        /// The command as ACL rules write it.
        acl: String,
    },
    /// The account has the command, and not for this key.
    #[error(
        "this Redis account may not look at this key ({0} was refused); allow it with ACL SETUSER ... ~PATTERN"
    )]
    DeniedKey(String),
    /// The gate refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key does not exist.
    #[error("there is no such key; it may have expired or been deleted since it was listed")]
    NoKey,
    /// The value is not what it was when it was shown.
    #[error("{0} was changed by somebody else meanwhile, so nothing was written; look at it again")]
    Changed(String),
    /// The log of what was changed cannot be written.
    #[error(
        "the log of what was changed cannot be written ({0}), so it was stopped; make room on the disk"
    )]
    Log(String),
    /// A key of this name is there already.
    #[error("a key called {0} is there already; give another name")]
    Taken(String),
    /// The server answered with an error.
    #[error("Redis answered {command} with: {message}")]
    Server {
        /// The command.
        command: String,
        /// The server's words.
        message: String,
    },
    /// The keys stopped on their way to a file.
    #[error("the keys stopped before the end; export them again")]
    Interrupted,
    /// Another node of the cluster has the key, and does not answer. Slot and address, in the server's words.
    #[error(
        "the node of the cluster that has the key does not answer (slot and node: {0}); try again"
    )]
    Elsewhere(String),
    /// SCAN goes round.
    #[error(
        "SCAN of this server does not come to an end: its cursors go round; what was seen may be partial, so check the server"
    )]
    Endless,
    /// Slots moved during every walk over a cluster.
    #[error(
        "the cluster moved slots between its nodes during the whole scan, so keys may be missing; scan again when that has ended"
    )]
    Moving,
    /// The server's answer has another shape than the command's documentation says.
    #[error("Redis answered {0} in a form that is not known here; is it a Redis or Valkey server?")]
    Answer(String),
}

impl From<Interrupted> for InspectError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}
