//! What does an answer hold, and why is there none?

use redis::Value;

use crate::inspect::InspectError;

/// What a question brought: the answer, or one sentence that stands in its place.
pub type Asked<T> = Result<T, String>;

/// The sentence for a question that could not be asked: the cause, and what would help.
pub(super) fn sentence(error: &InspectError) -> String {
    match error {
        InspectError::Server { command, message } if is_unknown(message) => format!(
            "this server does not offer {command}, as some hosted services do; their own console may show it"
        ),
        other => other.to_string(),
    }
}

fn is_unknown(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("unknown command") || message.contains("unknown subcommand")
}

/// The text of an answer; what is no text is empty.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone(),
        Value::Int(n) => n.to_string(),
        Value::Okay => "OK".to_owned(),
        _ => String::new(),
    }
}

/// The bytes of an answer; what has none is empty.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::BulkString(bytes) => bytes.clone(),
        other => text(other).into_bytes(),
    }
}

/// The elements of a list; what is no list has none.
pub(super) fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        _ => &[],
    }
}

/// A whole number that is not negative.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(n) => u64::try_from(*n).ok(),
        other => text(other).trim().parse().ok(),
    }
}

/// Names and values, as a map or as a list of both in turn.
pub(super) fn pairs(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Map(pairs) => pairs
            .iter()
            .map(|(name, value)| (text(name), value))
            .collect(),
        other => items(other)
            .chunks_exact(2)
            .map(|pair| (text(&pair[0]), &pair[1]))
            .collect(),
    }
}

/// Text from the server in one line that nothing obeys, at most `most` characters of it.
pub(super) fn line(text: &str, most: usize) -> String {
    let end = text
        .char_indices()
        .nth(most)
        .map_or(text.len(), |(at, _)| at);
    let mut shown = crate::human::line(&text[..end]).into_owned();
    if end < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_a_service_took_away_is_said_to_be_away() {
        let error = InspectError::Server {
            command: "CONFIG GET".into(),
            message: "ERR unknown command 'CONFIG', with args beginning with: 'GET' '*'".into(),
        };
        assert!(sentence(&error).starts_with("this server does not offer CONFIG GET"));
        let error = InspectError::Denied {
            command: "CLIENT LIST".into(),
            acl: "client|list".into(),
        };
        assert!(sentence(&error).contains("may not run CLIENT LIST"));
    }

    #[test]
    fn any_answer_can_be_read() {
        let odd = Value::Array(vec![Value::Nil, Value::Boolean(true), Value::Int(-1)]);
        assert_eq!(pairs(&odd).len(), 1);
        assert_eq!((text(&odd), number(&Value::Int(-1))), (String::new(), None));
        assert_eq!(line("a\r\nb\u{202e}", 9), "a\\r⏎b\\u{202e}");
        assert_eq!(line("abcdef", 3), "abc…");
    }
}
