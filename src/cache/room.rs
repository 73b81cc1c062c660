//! Decides whether an answer may be put into the cache: how much memory the server has left, and how much of it one
//! entry may take. The server belongs to the user, and others write to it too.

use super::{Cache, CacheError};
use crate::human;

/// Where the server evicts, one entry takes at most this part of its memory: more would push out everything else.
const SHARE: u64 = 4;
/// Where the server does not evict, this part of its memory is left to others.
const RESERVE: u64 = 10;
/// And at least this much: what is on its way to the server while it is asked.
const LEAST_RESERVE: u64 = 4 * 1024 * 1024;

/// The memory of the server, as it said itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    used: u64,
    /// `maxmemory`; zero where there is no limit.
    limit: u64,
    policy: String,
}

impl Cache {
    /// The server's memory; `None` where it does not say (an account without INFO, another product).
    pub(crate) async fn room(&self) -> Result<Option<Room>, CacheError> {
        let info: Result<String, CacheError> = self.query(redis::cmd("INFO").arg("memory")).await;
        match info {
            Ok(info) => Ok(Room::read(&info)),
            Err(error) if error.is_outage() => Err(error),
            Err(_) => Ok(None),
        }
    }
}

impl Room {
    fn read(info: &str) -> Option<Self> {
        let field = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim)
        };
        Some(Self {
            used: field("used_memory")?.parse().ok()?,
            limit: field("maxmemory")?.parse().ok()?,
            policy: field("maxmemory_policy").unwrap_or("noeviction").to_owned(),
        })
    }

    /// Whether the server has a limit at all.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit > 0
    }

    /// Whether an entry of which `written` bytes are in the server may grow by `more`; `since` of those written came
    /// after the server was asked.
    ///
    /// # Errors
    ///
    /// One sentence that says why not and what to do.
    pub(crate) fn fits(&self, written: u64, since: u64, more: u64) -> Result<(), String> {
        if !self.is_limited() {
            return Ok(());
        }
        let Self {
            used,
            limit,
            policy,
        } = self;
        let size = human::bytes(written + more);
        let whole = human::bytes(*limit);
        if policy == "noeviction" {
            let reserve = (limit / RESERVE).max(LEAST_RESERVE).min(limit / 2);
            if used + since + more <= limit - reserve {
                return Ok(());
            }
            return Err(format!(
                "the answer takes more than {size}, and the cache has {} of {whole} left, of which {} are \
                 kept for others (noeviction); raise its maxmemory, or make the report smaller",
                human::bytes((limit + written).saturating_sub(used + since)),
                human::bytes(reserve)
            ));
        }
        if written + more <= limit / SHARE {
            return Ok(());
        }
        Err(format!(
            "the answer takes more than {size}, a quarter of the cache's memory ({whole}, {policy}), and would push out \
             what others keep there; raise its maxmemory, or make the report smaller"
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MB: u64 = 1024 * 1024;

    fn room(used: u64, limit: u64, policy: &str) -> Room {
        let info = format!(
            "# Memory\r\nused_memory:{used}\r\nmaxmemory:{limit}\r\nmaxmemory_policy:{policy}\r\n"
        );
        Room::read(&info).unwrap()
    }

    #[test]
    fn server_without_limit_takes_any_entry() {
        assert_eq!(
            room(MB, 0, "noeviction").fits(0, 0, u64::from(u32::MAX)),
            Ok(())
        );
    }

    #[test]
    fn server_that_does_not_evict_keeps_a_reserve() {
        assert_eq!(
            room(10 * MB, 60 * MB, "noeviction").fits(0, 0, 44 * MB),
            Ok(())
        );
        let refused = room(50 * MB, 60 * MB, "noeviction").fits(40 * MB, 0, 5 * MB);
        let why = refused.unwrap_err();
        assert!(why.contains("more than 45.0 MB"), "{why}");
        assert!(why.contains("50.0 MB of 60.0 MB left"), "{why}");
    }

    #[test]
    fn server_that_evicts_gives_an_entry_a_quarter() {
        for policy in ["allkeys-lru", "volatile-ttl"] {
            assert_eq!(
                room(59 * MB, 60 * MB, policy).fits(10 * MB, 2 * MB, 5 * MB),
                Ok(())
            );
            let why = room(0, 60 * MB, policy).fits(15 * MB, 0, 1).unwrap_err();
            assert!(why.contains("a quarter"), "{why}");
        }
    }

    #[test]
    fn server_that_says_nothing_of_memory_is_unknown() {
        assert_eq!(Room::read("# Server\r\nredis_version:7.0.15\r\n"), None);
    }
}
