//! Is this entry to be refreshed now, why, and when is it looked at again? Pure: what was found in the cache is
//! handed in, with the moment.

use std::time::Duration;

use crate::cache::Why;
use crate::engine::Reason;
use crate::report::{Dependencies, Refresh};

/// The longest an entry goes without being looked at: an evicted one is noticed by then.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How soon something that should settle by itself is looked at again.
pub(super) const SETTLE: Duration = Duration::from_millis(100);
/// A refresh ahead of expiry begins with this part of the TTL left, or with twice the query time, if that is more.
const AHEAD: f64 = 0.2;

/// What is known of an entry when it is looked at.
#[derive(Clone, Debug)]
pub(super) struct Look {
    /// Its report's policy.
    pub(super) refresh: Refresh,
    /// Its report's TTL.
    pub(super) ttl: Duration,
    /// The verdict's reason.
    pub(super) why: Why,
    /// Time since it was filled.
    pub(super) age: Duration,
    /// Time until it is no longer fresh; zero when past.
    pub(super) left: Duration,
    /// How long its query took.
    pub(super) query_time: Duration,
    /// Someone asked for it since it was last looked at.
    pub(super) asked: bool,
    /// Someone asked for it since it was filled.
    pub(super) read: bool,
    /// The detector sees, and an epoch is open.
    pub(super) watching: bool,
    /// This is the first look since this worker leads, or since the cache was emptied: an empty cache is warmed.
    pub(super) first: bool,
}

/// What to do about an entry.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    /// Nothing now; look again after this time at the latest.
    Wait(Duration),
    /// Refresh it for this reason, in words that follow the reason's own.
    Refresh(Reason, String),
    /// Its table is to be taken in first; then look again.
    TakeIn,
}

/// The decision on an entry.
pub(super) fn decide(look: &Look) -> Decision {
    use Decision::{Refresh as Run, TakeIn, Wait};

    if matches!(look.why, Why::Absent | Why::Damaged) {
        return match (look.first, look.refresh) {
            (true, _) => Run(Reason::Asked, "warming an empty cache".to_owned()),
            // By TTL alone an entry may go; whoever asks next fills it.
            (false, Refresh::Ttl) => Wait(LOOK_AGAIN),
            (false, Refresh::Every(_)) => Run(Reason::Scheduled, "its entry is gone".to_owned()),
            (false, Refresh::OnChange | Refresh::AheadOfExpiry) => {
                Run(Reason::Expiring, "its entry is gone".to_owned())
            }
        };
    }

    if look.refresh == Refresh::OnChange && look.watching {
        match &look.why {
            Why::Changed(table) => {
                let what = if table == Dependencies::ANY {
                    "its source"
                } else {
                    table.as_str()
                };
                return Run(Reason::Changed, what.to_owned());
            }
            Why::Epoch => return Run(Reason::Changed, "perhaps, while nobody watched".to_owned()),
            Why::Unknown(_) => return TakeIn,
            _ => {}
        }
    }

    let stale = matches!(
        look.why,
        Why::Expired | Why::NoWorker | Why::Epoch | Why::Changed(_) | Why::Unknown(_)
    );
    match look.refresh {
        Refresh::Every(period) if look.age >= period => Run(
            Reason::Scheduled,
            format!("every {}", humantime::format_duration(period)),
        ),
        Refresh::AheadOfExpiry if look.left <= margin(look) => {
            Run(Reason::Expiring, "its TTL is about to end".to_owned())
        }
        // On-change needs no clock; the TTL the user set is still kept for those whom somebody reads.
        Refresh::OnChange if look.watching && look.read && look.left <= margin(look) => {
            Run(Reason::Expiring, "its TTL is about to end".to_owned())
        }
        // While nobody can call it fresh, running it again at once would change nothing.
        Refresh::OnChange if !look.watching && look.age < pause(look) => {
            Wait(pause(look).saturating_sub(look.age))
        }
        _ if stale && look.asked => Run(Reason::Asked, "it was served stale".to_owned()),
        Refresh::Every(period) => Wait(period.saturating_sub(look.age).min(LOOK_AGAIN)),
        Refresh::Ttl => Wait(LOOK_AGAIN),
        Refresh::AheadOfExpiry | Refresh::OnChange => Wait(
            look.left
                .saturating_sub(margin(look))
                .clamp(SETTLE, LOOK_AGAIN),
        ),
    }
}

/// How long an entry rests after a refresh that could not make it fresh.
fn pause(look: &Look) -> Duration {
    (look.query_time * 10).max(Duration::from_secs(10))
}

/// How long before its TTL ends an entry is refreshed.
fn margin(look: &Look) -> Duration {
    // Never more than half of the TTL: a query slower than its report's TTL must not run without a pause.
    look.ttl
        .mul_f64(AHEAD)
        .max(look.query_time * 2)
        .min(look.ttl / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(refresh: Refresh) -> Look {
        Look {
            refresh,
            ttl: Duration::from_secs(100),
            why: if refresh == Refresh::OnChange {
                Why::Watched
            } else {
                Why::Unwatched
            },
            age: Duration::from_secs(10),
            left: Duration::from_secs(90),
            query_time: Duration::from_secs(1),
            asked: false,
            read: false,
            watching: true,
            first: false,
        }
    }

    fn reason(look: &Look) -> Option<Reason> {
        match decide(look) {
            Decision::Refresh(reason, _) => Some(reason),
            _ => None,
        }
    }

    const EVERY: Refresh = Refresh::Every(Duration::from_mins(1));
    const POLICIES: [Refresh; 4] = [
        Refresh::Ttl,
        Refresh::OnChange,
        Refresh::AheadOfExpiry,
        EVERY,
    ];

    #[test]
    fn a_fresh_entry_is_left_alone() {
        for policy in POLICIES {
            assert!(
                matches!(decide(&fresh(policy)), Decision::Wait(_)),
                "{policy:?}"
            );
            let asked = Look {
                asked: true,
                read: true,
                ..fresh(policy)
            };
            assert!(
                matches!(decide(&asked), Decision::Wait(_)),
                "{policy:?}: a hit is no reason"
            );
        }
    }

    #[test]
    fn an_empty_cache_is_warmed_once_and_a_plain_ttl_is_not_kept_warm() {
        for policy in POLICIES {
            let gone = Look {
                why: Why::Absent,
                ..fresh(policy)
            };
            assert_eq!(
                reason(&Look {
                    first: true,
                    ..gone.clone()
                }),
                Some(Reason::Asked)
            );
            assert_eq!(reason(&gone).is_none(), policy == Refresh::Ttl);
        }
    }

    #[test]
    fn a_change_counts_only_where_somebody_watches() {
        let changed = Look {
            why: Why::Changed("orders".to_owned()),
            ..fresh(Refresh::OnChange)
        };
        assert_eq!(
            decide(&changed),
            Decision::Refresh(Reason::Changed, "orders".to_owned())
        );
        let blind = Look {
            why: Why::NoWorker,
            watching: false,
            ..fresh(Refresh::OnChange)
        };
        assert!(
            matches!(decide(&blind), Decision::Wait(_)),
            "refreshing would not make it fresh"
        );
        assert_eq!(
            reason(&Look {
                asked: true,
                ..blind
            }),
            Some(Reason::Asked),
            "but someone reads it"
        );
        let unknown = Look {
            why: Why::Unknown("orders".to_owned()),
            ..fresh(Refresh::OnChange)
        };
        assert_eq!(decide(&unknown), Decision::TakeIn);
    }

    #[test]
    fn ahead_of_expiry_leaves_a_fifth_or_twice_the_query() {
        let at = |left: u64, query: u64| {
            let left = Duration::from_secs(left);
            reason(&Look {
                left,
                query_time: Duration::from_secs(query),
                ..fresh(Refresh::AheadOfExpiry)
            })
        };
        assert_eq!(at(21, 1), None);
        assert_eq!(at(20, 1), Some(Reason::Expiring));
        assert_eq!(at(30, 15), Some(Reason::Expiring));
        assert_eq!(at(51, 1_000), None, "half of the TTL at most");
        let unread = Look {
            left: Duration::from_secs(5),
            ..fresh(Refresh::OnChange)
        };
        assert_eq!(
            reason(&unread),
            None,
            "nobody reads it, and nothing changed"
        );
        assert_eq!(
            reason(&Look {
                read: true,
                ..unread
            }),
            Some(Reason::Expiring)
        );
    }

    #[test]
    fn a_schedule_goes_by_the_last_fill() {
        let at = |age: u64| {
            decide(&Look {
                age: Duration::from_secs(age),
                ..fresh(EVERY)
            })
        };
        assert_eq!(at(57), Decision::Wait(Duration::from_secs(3)));
        assert_eq!(
            at(60),
            Decision::Refresh(Reason::Scheduled, "every 1m".to_owned())
        );
    }

    #[test]
    fn a_stale_hit_of_any_policy_is_refreshed() {
        for policy in POLICIES {
            let expired = Look {
                why: Why::Expired,
                left: Duration::ZERO,
                asked: true,
                ..fresh(policy)
            };
            assert!(reason(&expired).is_some(), "{policy:?}");
        }
        let before = Look {
            why: Why::Expired,
            left: Duration::ZERO,
            read: true,
            ..fresh(Refresh::Ttl)
        };
        assert_eq!(
            reason(&before),
            None,
            "who read it while it was fresh does not wait for another"
        );
    }
}
