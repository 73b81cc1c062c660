//! Which data structures, TTL buckets and buckets of use there are.

use super::{Key, Range, Ttl};

/// A data structure, by what TYPE answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// Bytes.
    String,
    /// Fields and values.
    Hash,
    /// Elements in order.
    List,
    /// Distinct members.
    Set,
    /// Members with scores.
    ZSet,
    /// Entries with fields, in order of time.
    Stream,
    /// A JSON document of a module.
    Json,
    /// A structure of another module, known by its name alone.
    Other,
}

impl Kind {
    /// Every kind, in the order they are shown.
    pub const ALL: [Self; 8] = [
        Self::String,
        Self::Hash,
        Self::List,
        Self::Set,
        Self::ZSet,
        Self::Stream,
        Self::Json,
        Self::Other,
    ];

    /// What TYPE answers; `other` for what it answers for a module's type.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Set => "set",
            Self::ZSet => "zset",
            Self::Stream => "stream",
            Self::Json => "json",
            Self::Other => "other",
        }
    }

    /// The kind that TYPE's answer means.
    pub fn from_type(name: &str) -> Self {
        match name {
            "ReJSON-RL" => Self::Json,
            name => Self::ALL
                .into_iter()
                .find(|kind| kind.name() == name)
                .unwrap_or(Self::Other),
        }
    }

    /// What its elements are called: `("field", "fields")`.
    pub fn elements(self) -> (&'static str, &'static str) {
        match self {
            Self::String | Self::Json | Self::Other => ("byte", "bytes"),
            Self::Hash => ("field", "fields"),
            Self::List => ("element", "elements"),
            Self::Set | Self::ZSet => ("member", "members"),
            Self::Stream => ("entry", "entries"),
        }
    }

    /// The command that tells how many there are; `None` for a module's type.
    pub(super) fn length(self) -> Option<&'static str> {
        Some(match self {
            Self::String => "STRLEN",
            Self::Hash => "HLEN",
            Self::List => "LLEN",
            Self::Set => "SCARD",
            Self::ZSet => "ZCARD",
            Self::Stream => "XLEN",
            Self::Json | Self::Other => return None,
        })
    }

    pub(super) fn from_index(index: u8) -> Self {
        Self::ALL
            .get(index as usize)
            .copied()
            .unwrap_or(Self::Other)
    }
}

/// How soon a key expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum TtlBucket {
    /// It has no TTL.
    Never,
    /// Within a minute.
    Minute,
    /// Within an hour.
    Hour,
    /// Within six hours.
    SixHours,
    /// Within a day.
    Day,
    /// Later than in a day.
    Later,
    /// The account may not ask.
    Unknown,
}

impl TtlBucket {
    /// Every bucket, in the order they are shown.
    pub const ALL: [Self; 7] = [
        Self::Never,
        Self::Minute,
        Self::Hour,
        Self::SixHours,
        Self::Day,
        Self::Later,
        Self::Unknown,
    ];

    /// Its name, as on the chart's axis.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Minute => "<1 m",
            Self::Hour => "<1 h",
            Self::SixHours => "<6 h",
            Self::Day => "<1 d",
            Self::Later => ">1 d",
            Self::Unknown => "unknown",
        }
    }

    /// Its milliseconds; `None` for what has none.
    pub fn bounds(self) -> Option<Range> {
        const HOUR: u64 = 3_600_000;
        let range = |least, below: Option<u64>| {
            Some(Range {
                least: Some(least),
                most: below.map(|below| below - 1),
            })
        };
        match self {
            Self::Never | Self::Unknown => None,
            Self::Minute => range(0, Some(60_000)),
            Self::Hour => range(60_000, Some(HOUR)),
            Self::SixHours => range(HOUR, Some(6 * HOUR)),
            Self::Day => range(6 * HOUR, Some(24 * HOUR)),
            Self::Later => range(24 * HOUR, None),
        }
    }

    /// The bucket of a TTL at `now`, in milliseconds since 1970.
    pub fn of(ttl: Ttl, now: i64) -> Self {
        if ttl == Ttl::Unknown {
            return Self::Unknown;
        }
        let Some(left) = ttl.left(now) else {
            return Self::Never;
        };
        Self::ALL
            .into_iter()
            .find(|bucket| {
                bucket
                    .bounds()
                    .is_some_and(|range| range.holds(Some(left.unsigned_abs())))
            })
            .unwrap_or(Self::Later)
    }
}

/// How long ago a key was used, or how often it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum UseBucket {
    /// Within the last minute.
    Minute,
    /// Within the last hour.
    Hour,
    /// Within the last day.
    Day,
    /// Within the last week.
    Week,
    /// Longer ago.
    Longer,
    /// A frequency below 5: hardly used since it was written (new keys begin with 5).
    Rare,
    /// A frequency of 5 to 49.
    Some,
    /// A frequency of 50 or more.
    Often,
    /// The server or the account does not tell.
    Unknown,
}

impl UseBucket {
    /// Every bucket, in the order they are shown.
    pub const ALL: [Self; 9] = [
        Self::Minute,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Longer,
        Self::Rare,
        Self::Some,
        Self::Often,
        Self::Unknown,
    ];

    /// Its name: an idle time, or a frequency.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "<1 m",
            Self::Hour => "<1 h",
            Self::Day => "<1 d",
            Self::Week => "<7 d",
            Self::Longer => ">7 d",
            Self::Rare => "frequency 0-4",
            Self::Some => "frequency 5-49",
            Self::Often => "frequency 50-255",
            Self::Unknown => "unknown",
        }
    }

    /// The bucket of a key.
    pub fn of(key: &Key<'_>) -> Self {
        match (key.idle, key.frequency) {
            (Some(..60), _) => Self::Minute,
            (Some(..3_600), _) => Self::Hour,
            (Some(..86_400), _) => Self::Day,
            (Some(..604_800), _) => Self::Week,
            (Some(_), _) => Self::Longer,
            (None, Some(..5)) => Self::Rare,
            (None, Some(..50)) => Self::Some,
            (None, Some(_)) => Self::Often,
            (None, None) => Self::Unknown,
        }
    }
}
