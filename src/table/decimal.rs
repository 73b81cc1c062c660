//! The order of numbers written as text, exact to the last digit: a float of 64 bits keeps 17.

/// Bytes that sort as the number does, the same for equal numbers (`1.0`, `1`, `10e-1`); `None` for what is no number.
///
/// Negative infinity comes first; infinity and then NaN come last, as PostgreSQL has it.
///
/// # Examples
///
/// ```
/// use lookaside::table::decimal::order_key;
///
/// let long = "123456789012345678901234567890123456789";
/// assert!(order_key(long) < order_key("123456789012345678901234567890123456790"));
/// assert_eq!(order_key("-0.50"), order_key("-.5"));
/// ```
pub fn order_key(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let (negative, magnitude) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    match magnitude.to_ascii_lowercase().as_str() {
        "nan" => return Some(vec![NOT_A_NUMBER]),
        "infinity" | "inf" if negative => return Some(vec![LEAST]),
        "infinity" | "inf" => return Some(vec![GREATEST]),
        _ => {}
    }
    let (mantissa, exponent) = match magnitude.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (magnitude, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let digits = || whole.bytes().chain(fraction.bytes());
    let Some(first) = digits().position(|digit| digit != b'0') else {
        return Some(vec![ZERO]);
    };
    // 0.d1 d2 d3... times ten to this.
    let power = exponent.checked_add(whole.len() as i64 - first as i64)?;
    let mut key = Vec::with_capacity(10 + whole.len() + fraction.len());
    key.push(if negative { NEGATIVE } else { POSITIVE });
    key.extend_from_slice(&(power.cast_unsigned() ^ 1 << 63).to_be_bytes());
    key.extend(digits().skip(first));
    while key.last() == Some(&b'0') {
        key.pop();
    }
    // Below every digit: fewer digits come first.
    key.push(0);
    if negative {
        for byte in &mut key[1..] {
            *byte = !*byte;
        }
    }
    Some(key)
}

const LEAST: u8 = 0;
const NEGATIVE: u8 = 1;
const ZERO: u8 = 2;
const POSITIVE: u8 = 3;
const GREATEST: u8 = 4;
const NOT_A_NUMBER: u8 = 5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_of_any_length_are_ordered() {
        let ordered = [
            "-Infinity",
            "-123456789012345678901234567890123456789012345678901234567890",
            "-18446744073709551616",
            "-18446744073709551615.5",
            "-1e-300",
            "0",
            "0.00000000000000000000000000000000000000000000000000001",
            "0.1",
            "00014",
            "170141183460469231731687303715884105726",
            "170141183460469231731687303715884105727",
            "170141183460469231731687303715884105727.000000000000000000001",
            "1e400",
            "Infinity",
            "NaN",
        ];
        let keys: Vec<_> = ordered.map(order_key).into_iter().collect();
        assert!(keys.iter().all(Option::is_some));
        assert!(keys.is_sorted() && keys.windows(2).all(|pair| pair[0] != pair[1]));
        for (one, other) in [("1.0", "1"), ("-0", "0"), ("0010e-1", "1"), ("+5", "5")] {
            assert_eq!(order_key(one), order_key(other), "{one}");
        }
        for text in ["", "-", ".", "1,5", "0x10", "1e", "abc", "--1"] {
            assert_eq!(order_key(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn order_is_that_of_integers(one in any::<i128>(), other in any::<i128>()) {
            let (a, b) = (order_key(&one.to_string()), order_key(&other.to_string()));
            prop_assert_eq!(a.cmp(&b), one.cmp(&other));
        }

        #[test]
        fn order_is_that_of_floats(one in any::<f64>(), other in any::<f64>()) {
            prop_assume!(one.is_finite() && other.is_finite());
            let (a, b) = (order_key(&format!("{one:?}")), order_key(&format!("{other:?}")));
            prop_assert_eq!(Some(a.cmp(&b)), one.partial_cmp(&other));
        }
    }
}
