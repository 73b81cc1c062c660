//! Which characters are white space, and which belong to a name.

use super::Dialect;

/// White space for every server. SQL Server takes every control character for white space, and SQLite refuses the
/// vertical tab, so others are refused.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

/// Whether a character without quotes belongs to a name, or to a number that it follows directly.
pub(super) fn in_word(c: char, dialect: Dialect) -> bool {
    match c {
        '_' | '$' => true,
        '#' | '@' => dialect == Dialect::MsSql,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        // PostgreSQL, MySQL and SQLite take every byte from 0x80 on for a letter.
        c => dialect != Dialect::MsSql || c.is_alphanumeric(),
    }
}

/// Whether a parameter's name may begin with it.
pub(super) fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// Whether servers, or a reader, may take a character outside quotes for something else than what it is here.
pub(super) fn unclear(c: char, dialect: Dialect) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let looks_empty = c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{10ffff}'
        );
    looks_empty || dialect == Dialect::MsSql && !is_t_sql_letter(c)
}

/// SQL Server names are letters by Unicode 3.2 in UTF-16; no letter here is one that folds to an ASCII letter.
fn is_t_sql_letter(c: char) -> bool {
    c.is_alphabetic()
        && !matches!(
            c,
            // Dotted and dotless i, long s, the Kelvin sign, letters in circles, and those of full width.
            '\u{130}' | '\u{131}' | '\u{17f}' | '\u{212a}' | '\u{212b}' | '\u{2460}'..='\u{24ff}'
            | '\u{ff00}'..='\u{ffff}' | '\u{10000}'..
        )
}

/// The sentence about such a character.
pub(super) fn sentence(c: char) -> String {
    let code = u32::from(c);
    if c == '\0' {
        return "the SQL holds a NUL character, which no database takes; remove it".to_owned();
    }
    if c.is_control() || c.is_whitespace() || matches!(code, 0x200b..=0x206f | 0xfeff) {
        return format!(
            "the character U+{code:04X} stands outside quotes, where servers take it for white space or for a letter; \
             replace it with a space or a line feed"
        );
    }
    format!(
        "the character \"{c}\" (U+{code:04X}) stands outside quotes, where servers read it differently; put the name \
         that holds it in quotes"
    )
}
