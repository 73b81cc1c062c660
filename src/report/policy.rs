//! When the worker re-runs a report, and how the times of a policy are written.

use std::time::Duration;

/// The `refresh` setting of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Refresh {
    /// By TTL alone: nobody watches the tables, and the badge says "unwatched".
    #[default]
    Ttl,
    /// As soon as a detector sees a change of a table it depends on.
    OnChange,
    /// Shortly before its TTL ends.
    AheadOfExpiry,
    /// On a schedule: `every 10m`.
    Every(Duration),
}

impl Refresh {
    /// Reads it as the workspace file writes it.
    ///
    /// # Errors
    ///
    /// One sentence that says what would be right.
    pub fn read(text: &str) -> Result<Self, String> {
        match text {
            "ttl" => return Ok(Self::Ttl),
            "on-change" => return Ok(Self::OnChange),
            "ahead-of-expiry" => return Ok(Self::AheadOfExpiry),
            _ => {}
        }
        match text.strip_prefix("every ").map(read_time) {
            Some(Some(time)) if time >= Duration::from_secs(1) => Ok(Self::Every(time)),
            Some(Some(_)) => Err(format!("refresh is \"{text}\"; give at least \"every 1s\"")),
            _ => Err(format!(
                "refresh is \"{text}\"; write on-change, ahead-of-expiry, ttl, or a schedule such as \"every 10m\""
            )),
        }
    }

    /// As the workspace file writes it.
    pub fn text(self) -> String {
        match self {
            Self::Ttl => "ttl".to_owned(),
            Self::OnChange => "on-change".to_owned(),
            Self::AheadOfExpiry => "ahead-of-expiry".to_owned(),
            Self::Every(every) => format!("every {}", write_time(every)),
        }
    }
}

/// The `serve_on_error` setting of a report: whether old rows may be served after a refresh that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ServeOnError {
    /// After any failure the caller gets the database's error.
    Never,
    /// Only after a failure that may pass: the server is away, a limit was reached, a deadlock.
    #[default]
    Transient,
    /// After any failure, until `stale_for` is over.
    Always,
}

impl ServeOnError {
    /// Reads it as the workspace file writes it.
    ///
    /// # Errors
    ///
    /// One sentence that says what would be right.
    pub fn read(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            "transient" => Ok(Self::Transient),
            "always" => Ok(Self::Always),
            _ => Err(format!(
                "serve_on_error is \"{text}\"; write never, transient or always"
            )),
        }
    }

    /// As the workspace file writes it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Transient => "transient",
            Self::Always => "always",
        }
    }

    /// Whether old rows may be served after a failure; `permanent` tells that the failure does not pass with time.
    pub fn allows(self, permanent: bool) -> bool {
        match self {
            Self::Never => false,
            Self::Transient => !permanent,
            Self::Always => true,
        }
    }
}

/// The longest time that makes sense in a policy; Redis refuses expiries that overflow its clock.
const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

/// Reads a time as people write it: `5m`, `1h 30m`; ten years at most.
pub fn read_time(text: &str) -> Option<Duration> {
    humantime::parse_duration(text.trim())
        .ok()
        .filter(|duration| *duration <= LONGEST)
}

/// Writes a time so that [`read_time`] reads it back: `5m`, `1h 30m`, `24h`.
pub fn write_time(time: Duration) -> String {
    let hours = time.as_secs() / 3600;
    // People speak of 24 and 48 hours before they speak of days.
    if time == Duration::from_hours(hours) && (1..=72).contains(&hours) {
        format!("{hours}h")
    } else {
        humantime::format_duration(time).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_as_it_is_written() {
        for refresh in [
            Refresh::Ttl,
            Refresh::OnChange,
            Refresh::AheadOfExpiry,
            Refresh::Every(Duration::from_mins(10)),
        ] {
            assert_eq!(Refresh::read(&refresh.text()), Ok(refresh));
        }
        for (text, says) in [
            ("every 1ms", "at least"),
            ("every now and then", "such as"),
            ("never", "on-change"),
        ] {
            assert!(
                Refresh::read(text).is_err_and(|error| error.contains(says)),
                "{text}"
            );
        }
        assert_eq!(read_time(" 1h 30m "), Some(Duration::from_mins(90)));
        assert_eq!(read_time("11years"), None);
        for minutes in [0, 5, 90, 24 * 60, 36 * 60, 24 * 60 + 1, 30 * 24 * 60] {
            let time = Duration::from_mins(minutes);
            assert_eq!(read_time(&write_time(time)), Some(time));
        }
        assert_eq!(write_time(Duration::from_hours(24)), "24h");
    }
}
