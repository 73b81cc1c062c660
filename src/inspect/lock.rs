//! Is this server to be changed? Not unless somebody said so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The write lock of a server's connections. It begins locked; clones are the same lock.
#[derive(Clone, Debug, Default)]
pub struct Lock(Arc<AtomicBool>);

impl Lock {
    /// Lets writes through, or no more.
    pub fn set_unlocked(&self, unlocked: bool) {
        self.0.store(unlocked, Ordering::SeqCst);
    }

    /// Whether writes are let through.
    pub fn is_unlocked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
