//! Signals that ask the process to stop, as a token that is cancelled.

use tokio_util::sync::CancellationToken;

/// A token that Ctrl-C, SIGTERM, SIGHUP and SIGQUIT cancel. The second signal ends the process at once.
///
/// A signal that the process was started without (`nohup`) stays without effect.
pub fn ctrl_c() -> CancellationToken {
    let token = CancellationToken::new();
    let cancel = token.clone();
    let mut signals = Signals::new();
    tokio::spawn(async move {
        signals.next().await;
        cancel.cancel();
        signals.next().await;
        // Queries under way get no chance to end; their servers notice that the connection is gone.
        crate::table::discard_unfinished();
        std::process::exit(130);
    });
    token
}

#[cfg(unix)]
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    /// SIGHUP, SIGINT, SIGQUIT, SIGTERM.
    const STOP: [i32; 4] = [1, 2, 3, 15];
    /// SIGXFSZ: without a handler the first byte over the limit of `ulimit -f` would end the process, instead of being
    /// an error of the write.
    const FILE_TOO_LARGE: i32 = 25;

    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        // Once there is a handler it stays.
        let _ = signal(SignalKind::from_raw(Self::FILE_TOO_LARGE));
        let ignored = ignored();
        let wanted = Self::STOP
            .into_iter()
            .filter(|number| ignored & (1 << (number - 1)) == 0);
        Self(
            wanted
                .filter_map(|number| signal(SignalKind::from_raw(number)).ok())
                .collect(),
        )
    }

    /// Waits for the next of them.
    async fn next(&mut self) {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let received = self.0.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures::future::select_all(received).await;
    }
}

/// The signals that the process was told to ignore, a bit each. Only Linux says so without unsafe code.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
