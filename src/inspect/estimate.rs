//! What a sample says about the whole, with 95% intervals.
//!
//! Draws are independent and each key is as likely as the next. Numbers of keys are shares, so their intervals are
//! Wilson's, corrected for continuity. Bytes are not: a few keys hold much of them, and the usual interval (mean plus and minus two standard
//! errors) is then too narrow on its upper side. Hall's transformation takes the skewness in, and gives a few draws a
//! wide interval rather than a wrong one. What no draw has met is in no interval: a single huge key among millions is
//! found by a scan, not by a sample.

/// The 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_964;
/// The same for bytes, the 98.75th: where most bytes are in few keys a sample's own skewness is too small, and with the
/// nominal one the intervals would hold in 92 to 94 of 100 samples (the test below tells).
const Z_BYTES: f64 = 2.241_403;

/// Sums over the draws that fell into a group; all other draws count as zero bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Draws {
    hits: f64,
    sum: f64,
    squares: f64,
    cubes: f64,
}

/// A figure and the interval that it lies in, in 95 of 100 samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Draws {
    /// Counts `times` draws of a key with these bytes.
    pub(super) fn add(&mut self, bytes: u64, times: u32) {
        let (bytes, times) = (bytes as f64, f64::from(times));
        self.hits += times;
        self.sum += times * bytes;
        self.squares += times * bytes * bytes;
        self.cubes += times * bytes * bytes * bytes;
    }

    /// How many of `of` keys are in the group, after `draws` draws.
    pub(super) fn keys(&self, draws: u64, of: u64) -> Estimate {
        let (n, of) = (draws.max(1) as f64, of as f64);
        let share = self.hits / n;
        let middle = 2.0 * n * share + Z * Z;
        let spread = Z * Z - 1.0 / n + 4.0 * n * share * (1.0 - share);
        // One draw more in all: shares of few draws jump, and would fall out of the interval too often.
        let half = |tilt: f64| Z * (spread + tilt).max(0.0).sqrt() + 1.0;
        let tilt = 4.0 * share - 2.0;
        let scale = 2.0 * (n + Z * Z);
        let low = if self.hits > 0.0 {
            (middle - half(tilt)) / scale
        } else {
            0.0
        };
        let high = if self.hits < n {
            (middle + half(-tilt)) / scale
        } else {
            1.0
        };
        Estimate {
            value: of * share,
            low: of * low.max(0.0),
            high: of * high.min(1.0),
        }
    }

    /// How many bytes the group's keys have together, after `draws` draws from `of` keys.
    pub(super) fn bytes(&self, draws: u64, of: u64) -> Estimate {
        let (n, of) = (draws.max(1) as f64, of as f64);
        let mean = self.sum / n;
        let variance = (self.squares / n - mean * mean).max(0.0);
        let deviation = variance.sqrt();
        if deviation <= mean.abs() * 1e-9 {
            // Every draw had the same bytes.
            let value = of * mean;
            return Estimate {
                value,
                low: value,
                high: value,
            };
        }
        let third = self.cubes / n - 3.0 * mean * self.squares / n + 2.0 * mean.powi(3);
        let skewness = third / deviation.powi(3);
        let end = |z: f64| of * (mean - deviation * hall(z / n.sqrt(), skewness, n)).max(0.0);
        Estimate {
            value: of * mean,
            low: end(Z_BYTES),
            high: end(-Z_BYTES),
        }
    }
}

/// The inverse of Hall's transformation: where a studentized mean stands whose transformed one stands at `x`.
fn hall(x: f64, skewness: f64, n: f64) -> f64 {
    if skewness.abs() < 1e-6 {
        return x;
    }
    3.0 / skewness * ((1.0 + skewness * (x - skewness / (6.0 * n))).cbrt() - 1.0)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const KEYS: usize = 50_000;
    const ROUNDS: u32 = 1_000;

    /// Bytes and group of every key: most are small, sizes spread over four orders of magnitude, one group is rare.
    fn population(random: &mut StdRng) -> Vec<(u64, bool)> {
        (0..KEYS)
            .map(|_| {
                // The sum of twelve uniform numbers less six is close to normal.
                let normal: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
                let rare = random.random_range(0..50) == 0;
                let bytes = 60.0 + (4.5 + 1.2 * normal + if rare { 2.0 } else { 0.0 }).exp();
                (bytes as u64, rare)
            })
            .collect()
    }

    /// In how many of 1,000 samples of `draws` the intervals hold the truth: of all bytes, of the rare group's bytes,
    /// of its keys.
    fn covered(draws: u64) -> [u32; 3] {
        let mut random = StdRng::seed_from_u64(7);
        let keys = population(&mut random);
        let bytes: u64 = keys.iter().map(|(bytes, _)| bytes).sum();
        let rare = keys.iter().filter(|(_, rare)| *rare);
        let (rare_keys, rare_bytes) = rare.fold((0_u64, 0_u64), |(keys, sum), (bytes, _)| {
            (keys + 1, sum + bytes)
        });
        let of = KEYS as u64;
        let mut covered = [0; 3];
        for _ in 0..ROUNDS {
            let (mut all, mut group) = (Draws::default(), Draws::default());
            for _ in 0..draws {
                let (bytes, rare) = keys[random.random_range(0..KEYS)];
                all.add(bytes, 1);
                if rare {
                    group.add(bytes, 1);
                }
            }
            let holds = |estimate: Estimate, truth: u64| {
                u32::from((estimate.low..=estimate.high).contains(&(truth as f64)))
            };
            covered[0] += holds(all.bytes(draws, of), bytes);
            covered[1] += holds(group.bytes(draws, of), rare_bytes);
            covered[2] += holds(group.keys(draws, of), rare_keys);
        }
        covered
    }

    #[test]
    fn the_intervals_hold_the_truth_in_at_least_95_of_100_samples() {
        for draws in [500, 2_000] {
            for (what, held) in ["bytes", "bytes of a rare group", "keys of a rare group"]
                .into_iter()
                .zip(covered(draws))
            {
                let share = f64::from(held) / f64::from(ROUNDS);
                // 95% within what 1,000 rounds can tell (0.7% is one standard error), and not by being useless.
                assert!(share >= 0.94, "{draws} draws, {what}: {share}");
                assert!(share <= 0.99, "{draws} draws, {what}: {share}");
            }
        }
    }

    #[test]
    fn more_draws_make_narrower_intervals_and_equal_keys_an_exact_one() {
        let of_bytes = |draws: u32| {
            let mut sums = Draws::default();
            sums.add(100, draws / 2);
            sums.add(300, draws / 2);
            let estimate = sums.bytes(u64::from(draws), 1_000);
            assert!((estimate.value - 200_000.0).abs() < 1.0);
            estimate.high - estimate.low
        };
        assert!(of_bytes(10_000) < of_bytes(100) / 5.0);
        let mut sums = Draws::default();
        sums.add(64, 50);
        let exact = sums.bytes(50, 1_000);
        assert_eq!(
            (exact.low, exact.value, exact.high),
            (64_000.0, 64_000.0, 64_000.0)
        );
    }
}
