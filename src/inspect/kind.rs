//! Which data structures and TTL buckets there are.

use super::Ttl;

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

    /// The bucket of a TTL at `now`, in milliseconds since 1970.
    pub fn of(ttl: Ttl, now: i64) -> Self {
        const MINUTE: i64 = 60_000;
        if ttl == Ttl::Unknown {
            return Self::Unknown;
        }
        match ttl.left(now) {
            None => Self::Never,
            Some(ms) if ms < MINUTE => Self::Minute,
            Some(ms) if ms < 60 * MINUTE => Self::Hour,
            Some(ms) if ms < 360 * MINUTE => Self::SixHours,
            Some(ms) if ms < 1440 * MINUTE => Self::Day,
            Some(_) => Self::Later,
        }
    }
}
