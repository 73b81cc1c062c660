//! Mistakes that the protocol guards against, each as a switch. That every one is caught shows that the check can fail.

use super::scripts::{Script, Scripts};

/// A protocol with one mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// A worker whose publications a failover lost goes on in the same epoch.
    NoEpochAfterFailover,
    /// A worker whose detector missed something goes on in the same epoch.
    NoEpochAfterGap,
    /// A fill opens its snapshot before it reads epoch and position.
    PositionAfterSnapshot,
    /// The heartbeat moves to now, and not to when the detector began to look.
    HeartbeatWithoutLook,
    /// A commit is published as soon as it stands in the log.
    VisibilityNotWaited,
    /// Whoever once led can publish.
    NoFencing,
    /// The detector tells one change of several, and the heartbeat vouches for all.
    OneChangeOfMany,
    /// An epoch begins at a position that the log has yet to reach.
    EpochPastTheLog,
}

impl Variant {
    pub(crate) const ALL: [Self; 8] = [
        Self::NoEpochAfterFailover,
        Self::NoEpochAfterGap,
        Self::PositionAfterSnapshot,
        Self::HeartbeatWithoutLook,
        Self::VisibilityNotWaited,
        Self::NoFencing,
        Self::OneChangeOfMany,
        Self::EpochPastTheLog,
    ];

    /// In words, for a report.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::NoEpochAfterFailover => "no new epoch after a failover",
            Self::NoEpochAfterGap => "no new epoch after a gap",
            Self::PositionAfterSnapshot => "position read after the snapshot",
            Self::HeartbeatWithoutLook => "heartbeat advanced without a look",
            Self::VisibilityNotWaited => "visibility not waited for",
            Self::NoFencing => "no fencing",
            Self::OneChangeOfMany => "one change told of several",
            Self::EpochPastTheLog => "an epoch that begins past the log",
        }
    }
}

/// The scripts as they are, or with the part of a mistake that lies in them.
pub(crate) fn scripts(variant: Option<Variant>) -> Scripts {
    Scripts::new(|script, text| match (variant, script) {
        (Some(Variant::NoEpochAfterFailover), Script::Publish) => {
            without(text, "not v[3] or v[3] < ARGV[3]")
        }
        (Some(Variant::NoFencing), Script::Publish) => {
            without(text, "v[1] ~= ARGV[1] or v[2] ~= ARGV[2]")
        }
        (Some(Variant::NoFencing), Script::Epoch) => {
            without(text, "redis.call('HGET', KEYS[1], '_f') ~= ARGV[1]")
        }
        _ => text.to_owned(),
    })
}

/// The script as if this condition never held.
fn without(text: &str, condition: &str) -> String {
    assert_eq!(
        text.matches(condition).count(),
        1,
        "the script has no such condition any more: {condition}"
    );
    text.replace(condition, "false")
}
