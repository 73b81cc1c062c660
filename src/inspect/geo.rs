//! Where does a member of a geo set stand? GEOADD keeps a position as a score: 26 bits of longitude and 26 of latitude,
//! interleaved, latitude in the even places (`geohash.c`, `geohash_helper.c`).

/// A position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
}

const LONGITUDE: f64 = 180.0;
/// What the Mercator projection reaches (EPSG:900913).
const LATITUDE: f64 = 85.051_128_78;
/// Bits of each.
const STEPS: u32 = 26;

/// The position that a score stands for: the middle of its cell, as GEOPOS answers. `None` for a score that is none.
pub fn position(score: &str) -> Option<Position> {
    let score: f64 = score.parse().ok()?;
    if score.fract() != 0.0 || !(0.0..2f64.powi(2 * STEPS as i32)).contains(&score) {
        return None;
    }
    let bits = score as u64;
    let part = |first: u32, limit: f64| {
        let cell = (0..STEPS).fold(0_u64, |cell, step| {
            cell | (bits >> (2 * step + first) & 1) << step
        });
        let width = 2.0 * limit / f64::from(1_u32 << STEPS);
        -limit + (cell as f64 + 0.5) * width
    };
    Some(Position {
        longitude: part(1, LONGITUDE),
        latitude: part(0, LATITUDE),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_cities_stand_where_geopos_says() {
        // The example of GEOADD and GEOPOS.
        let palermo = position("3479099956230698").unwrap();
        assert!((palermo.longitude - 13.361_389_338_970_184).abs() < 1e-9);
        assert!((palermo.latitude - 38.115_556_395_496_3).abs() < 1e-9);
        for none in ["1.5", "-1", "inf", "nan", "4503599627370496", "x"] {
            assert_eq!(position(none), None, "{none}");
        }
    }
}
