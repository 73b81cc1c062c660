//! How hard may a walk work?

use std::time::Duration;

/// How hard the scan works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Steps that hold the server no longer than a usual answer takes, and a longer rest; smaller ones where other
    /// clients' answers become slower.
    #[default]
    Gentle,
    /// As fast as the server answers.
    Full,
}

/// Steps that are on their way at once: at full speed two, so that the server never waits for us.
pub(super) fn at_once(pace: Pace) -> usize {
    match pace {
        Pace::Gentle => 1,
        Pace::Full => 2,
    }
}

/// Keys whose questions travel together at full speed.
pub(super) const FULL: usize = 2_000;
/// The same at the gentle pace, by how long a step holds the server.
const GENTLE: std::ops::RangeInclusive<usize> = 10..=250;
/// After a step at the gentle pace the server is left alone so many times as long as it was held.
const RESTS: u32 = 4;
/// What a usual answer takes where it cannot be measured.
pub(super) const USUAL: Duration = Duration::from_micros(100);
/// The longest rest at once, and the shortest that is worth taking: clocks of a runtime are no finer.
const LONGEST_REST: Duration = Duration::from_millis(50);
const SHORTEST_REST: Duration = Duration::from_millis(1);

/// How many keys travel together, and how long to rest from it.
///
/// At the gentle pace a step may hold the server no longer than a usual answer takes, so that nobody's answer takes
/// twice as long; then the server is left alone for several times as long.
pub(super) struct Effort {
    /// How many keys travel together.
    pub(super) keys: usize,
    owed: Duration,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            keys: *GENTLE.start(),
            owed: Duration::ZERO,
        }
    }
}

impl Effort {
    /// Takes in that a step held the server for `held`, where an answer usually takes `usual`, and whether others'
    /// answers are slow now.
    pub(super) fn adapt(&mut self, pace: Pace, held: Duration, usual: Duration, slowed: bool) {
        if pace == Pace::Full {
            *self = Self {
                keys: FULL,
                owed: Duration::ZERO,
            };
            return;
        }
        self.owed += held * RESTS;
        let keys = if slowed || held > 2 * usual {
            self.keys / 2
        } else if held > usual {
            self.keys - self.keys / 8
        } else {
            self.keys + self.keys / 8 + 1
        };
        self.keys = keys.clamp(*GENTLE.start(), *GENTLE.end());
    }

    /// The rest that is due, and no longer owed.
    pub(super) fn rest(&mut self) -> Option<Duration> {
        if self.owed < SHORTEST_REST {
            return None;
        }
        Some(std::mem::take(&mut self.owed).min(LONGEST_REST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gentle_walk_holds_the_server_no_longer_than_a_usual_answer_takes() {
        let usual = Duration::from_micros(100);
        // A server that takes 5 microseconds a key.
        let held = |effort: &Effort| Duration::from_micros(5) * effort.keys as u32;
        let mut effort = Effort {
            keys: 250,
            owed: Duration::ZERO,
        };
        for _ in 0..100 {
            effort.adapt(Pace::Gentle, held(&effort), usual, false);
        }
        assert!(held(&effort) <= usual * 6 / 5, "{}", effort.keys);
        assert!(held(&effort) >= usual * 3 / 4, "{}", effort.keys);
        for _ in 0..10 {
            effort.adapt(Pace::Gentle, held(&effort), usual, true);
        }
        assert_eq!(effort.keys, 10);
        for _ in 0..100 {
            // Far away an answer takes longer than any step.
            effort.adapt(Pace::Gentle, held(&effort), 100 * usual, false);
        }
        assert_eq!(effort.keys, 250);
        effort.adapt(Pace::Full, held(&effort), usual, true);
        assert_eq!(effort.keys, FULL);
        effort.adapt(Pace::Gentle, held(&effort), usual, false);
        assert_eq!(effort.keys, 250);
    }

    #[test]
    fn the_server_is_left_alone_for_several_times_as_long_as_it_was_held() {
        let usual = Duration::from_micros(100);
        let mut effort = Effort {
            keys: 20,
            owed: Duration::ZERO,
        };
        let (mut held, mut rested) = (Duration::ZERO, Duration::ZERO);
        for step in 1..=1_000_u32 {
            let holds = Duration::from_micros(u64::from(step % 7) * 30);
            held += holds;
            effort.adapt(Pace::Gentle, holds, usual, false);
            if let Some(rest) = effort.rest() {
                assert!(rest >= SHORTEST_REST);
                rested += rest;
            }
        }
        assert_eq!(rested + effort.owed, held * RESTS);
        effort.adapt(Pace::Gentle, Duration::from_secs(9), usual, false);
        assert_eq!(effort.rest(), Some(LONGEST_REST));
    }
}
