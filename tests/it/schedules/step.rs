//! What can happen, one step each.

/// What can happen. Numbers choose among what there is; what does not apply does nothing, so that any part of a schedule
/// is a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Commit {
        tables: u8,
        late: bool,
    },
    Show(u8),
    BeginLog,
    Work(u8, How),
    Renew(u8, Call),
    TakeIn(u8, u8),
    /// The worker dies; another process takes its place.
    Crash(u8),
    Stop(u8),
    Blink(u8),
    /// A fill reads epoch and position.
    Begin(u8),
    Snapshot(u8),
    Store(u8, Call),
    /// A fill dies.
    Abandon(u8),
    Read,
    Pass(u32),
    SetClock(i32),
    Evict(u8),
    /// The replica catches up.
    Replicate,
    /// The replica takes over: what was written since it caught up is lost.
    FailOver,
    Flush,
}

/// What becomes of a call to the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Call {
    #[default]
    Answered,
    /// It is done, and the connection breaks before the answer.
    AnswerLost,
    /// It never arrives.
    NotSent,
}

/// How a worker's next step goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct How {
    pub(crate) call: Call,
    /// The detector cannot see.
    pub(crate) blind: bool,
    /// It cannot tell which tables changed.
    pub(crate) all: bool,
    /// Nothing changed, and the last heartbeat is young enough.
    pub(crate) skip: bool,
}
