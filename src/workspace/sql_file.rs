//! Reads the SQL of a file, in the encodings that editors write.

use std::path::Path;

/// More than this in a file is no report's SQL: a device or a dump was named by mistake.
const LONGEST_SQL: u64 = 16 * 1024 * 1024;
/// Begins a text as editors on Windows write it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads UTF-8, and UTF-16 that begins with a byte order mark. The mark is no part of the SQL.
///
/// # Errors
/// One sentence with the file's name and the remedy: no file, too long, empty, another encoding.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let name = path.display();
    let about = std::fs::metadata(path);
    if about.is_ok_and(|about| !about.is_file() || about.len() > LONGEST_SQL) {
        return Err(format!(
            "{name} is not a file of at most 16 MB; name a file that holds a SELECT"
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let text = decode(&bytes).map_err(|why| format!("{name} {why}; save it as UTF-8"))?;
    if text.trim().is_empty() {
        return Err(format!("{name} is empty; write a SELECT into it"));
    }
    Ok(text)
}

/// The text without a byte order mark.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// The error completes the sentence "the file ...".
fn decode(bytes: &[u8]) -> Result<String, String> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        // Every second byte of Latin text in UTF-16 is zero.
        [_, 0, ..] | [0, _, ..] => Err("seems to be UTF-16 without a byte order mark".to_owned()),
        bytes => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(without_mark(text).to_owned()),
            Err(error) => {
                let before = &bytes[..error.valid_up_to()];
                let line = before.split(|byte| *byte == b'\n').count();
                Err(format!("is not UTF-8 in line {line}"))
            }
        },
    }
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, rest) = bytes.as_chunks();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    match String::from_utf16(&units) {
        Ok(text) if rest.is_empty() => Ok(text),
        _ => Err("begins like UTF-16 and is not".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(unit: fn(u16) -> [u8; 2], text: &str) -> Vec<u8> {
        format!("{BYTE_ORDER_MARK}{text}")
            .encode_utf16()
            .flat_map(unit)
            .collect()
    }

    #[test]
    fn sql_file_in_any_common_encoding_is_its_text() {
        let text = "SELECT 'é日😀'\r\nFROM t";
        for bytes in [
            text.as_bytes().to_vec(),
            format!("{BYTE_ORDER_MARK}{text}").into_bytes(),
            written(u16::to_le_bytes, text),
            written(u16::to_be_bytes, text),
        ] {
            assert_eq!(decode(&bytes).as_deref(), Ok(text));
        }
    }

    #[test]
    fn sql_file_in_another_encoding_is_refused() {
        let no_mark: Vec<u8> = "SELECT 1"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let odd = [&written(u16::to_le_bytes, "SELECT 1")[..], b"x"].concat();
        for (bytes, why) in [
            (&no_mark[..], "UTF-16 without a byte order mark"),
            (b"SELECT 1,\n'\xe9'", "is not UTF-8 in line 2"),
            (&odd, "begins like UTF-16 and is not"),
        ] {
            assert!(
                decode(bytes).is_err_and(|error| error.contains(why)),
                "{why}"
            );
        }
    }
}
