//! What is typed to change a key, and which change it means.

use super::opened::Opened;
use super::table;
use crate::app::theme::text;
use crate::inspect::{Change, Kind, NewValue, Ttl, Value, display, shown_command, split_line};

/// What is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Value { was: Vec<u8>, kind: Kind },
    Field { was: Option<Vec<u8>>, has_ttl: bool },
    FieldTtl { field: Vec<u8> },
    DeleteField { field: Vec<u8> },
    Element { index: u64, was: Vec<u8> },
    DeleteElement { index: u64, was: Vec<u8> },
    Push,
    Member { was: Option<Vec<u8>> },
    DeleteMember { member: Vec<u8> },
    Scored { is_new: bool },
    DeleteScored { member: Vec<u8> },
    Entry,
    DeleteEntry { id: String },
    Ttl,
    Rename,
    Delete,
    New { kind: Kind },
}

/// A change as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) key: Vec<u8>,
    pub(super) form: Form,
    /// A field, a member, a new name: what names the thing.
    pub(super) name: String,
    /// Its value.
    pub(super) value: String,
    /// A score, or a TTL.
    pub(super) number: String,
    /// Whether `\n` and `\xff` in name and value stand for bytes.
    pub(super) escaped: bool,
}

impl Edit {
    fn new(key: &[u8], form: Form) -> Self {
        Self {
            key: key.to_vec(),
            form,
            name: String::new(),
            value: String::new(),
            number: String::new(),
            escaped: false,
        }
    }

    /// Bytes into the fields: as text where they are, else escaped.
    fn filled(mut self, name: &[u8], value: &[u8]) -> Self {
        let plain = |bytes: &[u8]| {
            std::str::from_utf8(bytes)
                .ok()
                .filter(|text| {
                    !text
                        .chars()
                        .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
                })
                .map(str::to_owned)
        };
        match (plain(name), plain(value)) {
            (Some(name), Some(value)) => (self.name, self.value) = (name, value),
            _ => {
                self.escaped = true;
                (self.name, self.value) = (escape(name), escape(value));
            }
        }
        self
    }

    /// Replaces a string or a document.
    pub(super) fn value(key: &[u8], bytes: &[u8], kind: Kind) -> Self {
        let was = bytes.to_vec();
        Self::new(key, Form::Value { was, kind }).filled(b"", bytes)
    }

    /// Adds an element to a collection.
    pub(super) fn add_element(key: &[u8], kind: Kind) -> Self {
        Self::new(
            key,
            match kind {
                Kind::Hash => Form::Field {
                    was: None,
                    has_ttl: false,
                },
                Kind::Set => Form::Member { was: None },
                Kind::ZSet => Form::Scored { is_new: true },
                Kind::Stream => Form::Entry,
                _ => Form::Push,
            },
        )
    }

    /// Sets or takes away a TTL.
    pub(super) fn ttl(key: &[u8], ttl: Ttl) -> Self {
        Self::left(key, Form::Ttl, ttl)
    }

    fn left(key: &[u8], form: Form, ttl: Ttl) -> Self {
        let mut edit = Self::new(key, form);
        let left = ttl.left(chrono::Utc::now().timestamp_millis());
        edit.number = left.map_or_else(|| "never".to_owned(), |ms| format!("{}s", ms / 1000));
        edit
    }

    /// Gives another name.
    pub(super) fn rename(key: &[u8]) -> Self {
        Self::new(key, Form::Rename).filled(key, b"")
    }

    /// Deletes the key.
    pub(super) fn delete(key: &[u8]) -> Self {
        Self::new(key, Form::Delete)
    }

    /// Adds a key.
    pub(super) fn new_key(kind: Kind) -> Self {
        let mut edit = Self::new(b"", Form::New { kind });
        edit.number.push_str("never");
        edit
    }

    /// What can be done with an element: the button's word, and the change.
    pub(super) fn of_element(opened: &Opened, row: usize) -> Vec<(&'static str, Self)> {
        let key = &opened.about.name;
        match &opened.value {
            Value::Hash(fields) => {
                let Some(field) = fields.get(row) else {
                    return Vec::new();
                };
                let name = field.name.clone();
                let form = Form::Field {
                    was: Some(field.value.clone()),
                    has_ttl: matches!(field.ttl, Ttl::At(_)),
                };
                let edit = Self::new(key, form).filled(&name, &field.value);
                let mut edits = vec![(
                    "Delete",
                    Self::new(
                        key,
                        Form::DeleteField {
                            field: name.clone(),
                        },
                    ),
                )];
                // Unknown is what a server answers whose fields have none.
                if field.ttl != Ttl::Unknown {
                    let form = Form::FieldTtl { field: name };
                    edits.push(("TTL", Self::left(key, form, field.ttl)));
                }
                edits.push(("Edit", edit));
                edits
            }
            Value::List { .. } | Value::Found(_) => {
                let listed = match &opened.value {
                    Value::List { start, items } => {
                        items.get(row).map(|item| (start + row as u64, item))
                    }
                    Value::Found(found) => found.get(row).map(|(index, item)| (*index, item)),
                    _ => None,
                };
                let Some((index, item)) = listed else {
                    return Vec::new();
                };
                let was = item.clone();
                let delete = Form::DeleteElement {
                    index,
                    was: was.clone(),
                };
                let edit = Self::new(key, Form::Element { index, was }).filled(b"", item);
                vec![("Delete", Self::new(key, delete)), ("Edit", edit)]
            }
            Value::Set(members) if opened.about.kind == Kind::Set => {
                let Some(member) = members.get(row).cloned() else {
                    return Vec::new();
                };
                let edit = Self::new(
                    key,
                    Form::Member {
                        was: Some(member.clone()),
                    },
                )
                .filled(&member, b"");
                vec![
                    ("Delete", Self::new(key, Form::DeleteMember { member })),
                    ("Edit", edit),
                ]
            }
            Value::ZSet { items, .. } => {
                let Some((member, score)) = items.get(row).cloned() else {
                    return Vec::new();
                };
                let mut edit = Self::new(key, Form::Scored { is_new: false }).filled(&member, b"");
                edit.number = score;
                vec![
                    ("Delete", Self::new(key, Form::DeleteScored { member })),
                    ("Edit", edit),
                ]
            }
            Value::Stream(entries) => {
                let Some(entry) = entries.get(row) else {
                    return Vec::new();
                };
                let id = entry.id.clone();
                vec![("Delete", Self::new(key, Form::DeleteEntry { id }))]
            }
            _ => Vec::new(),
        }
    }

    /// "Edit field mail of app:cart:7".
    pub(super) fn title(&self) -> String {
        // Both ends, for a key is often known by its last part.
        let key = text::middle(&table::name_of(&self.key), 48);
        match &self.form {
            Form::Value { .. } => format!("Edit {key}"),
            Form::Field { was: Some(_), .. } => format!("Edit a field of {key}"),
            Form::Field { was: None, .. } => format!("Add a field to {key}"),
            Form::FieldTtl { field } => format!(
                "TTL of field {} of {key}",
                display(&field[..field.len().min(60)])
            ),
            Form::Element { index, .. } => format!("Edit element {index} of {key}"),
            Form::Push => format!("Add an element to {key}"),
            Form::Member { was: Some(_) } => format!("Edit a member of {key}"),
            Form::Member { was: None } | Form::Scored { is_new: true } => {
                format!("Add a member to {key}")
            }
            Form::Scored { is_new: false } => format!("Edit a score of {key}"),
            Form::Entry => format!("Add an entry to {key}"),
            Form::DeleteField { field } => format!(
                "Delete field {} of {key}",
                display(&field[..field.len().min(60)])
            ),
            Form::DeleteElement { index, .. } => format!("Delete element {index} of {key}"),
            Form::DeleteMember { .. } | Form::DeleteScored { .. } => {
                format!("Delete a member of {key}")
            }
            Form::DeleteEntry { id } => format!("Delete entry {id} of {key}"),
            Form::Ttl => format!("TTL of {key}"),
            Form::Rename => format!("Rename {key}"),
            Form::Delete => format!("Delete {key}"),
            Form::New { .. } => "Add a key".to_owned(),
        }
    }

    /// The word on the button.
    pub(super) fn verb(&self) -> &'static str {
        match self.form {
            Form::DeleteField { .. }
            | Form::DeleteElement { .. }
            | Form::DeleteMember { .. }
            | Form::DeleteScored { .. }
            | Form::DeleteEntry { .. }
            | Form::Delete => "Delete",
            Form::Field { was: None, .. }
            | Form::Push
            | Form::Member { was: None }
            | Form::Scored { is_new: true }
            | Form::Entry
            | Form::New { .. } => "Add",
            Form::Rename => "Rename",
            _ => "Save",
        }
    }

    /// What the name field is called, `None` where there is none.
    pub(super) fn name_label(&self) -> Option<&'static str> {
        match self.form {
            Form::Field { .. } | Form::Entry => Some("Field"),
            Form::Member { .. } | Form::Scored { .. } => Some("Member"),
            Form::Rename => Some("New name"),
            Form::New { .. } => Some("Key"),
            _ => None,
        }
    }

    /// What the value field is called, `None` where there is none.
    pub(super) fn value_label(&self) -> Option<&'static str> {
        match &self.form {
            Form::Value { .. } | Form::Field { .. } | Form::Entry => Some("Value"),
            Form::Element { .. } | Form::Push => Some("Element"),
            Form::New { kind } => Some(match kind {
                Kind::Hash | Kind::Stream => "field = value",
                Kind::List => "First element",
                Kind::Set => "First member",
                Kind::ZSet => "score member",
                _ => "Value",
            }),
            _ => None,
        }
    }

    /// What the number field is called, `None` where there is none.
    pub(super) fn number_label(&self) -> Option<&'static str> {
        match self.form {
            Form::Scored { .. } => Some("Score"),
            Form::Ttl | Form::FieldTtl { .. } | Form::New { .. } => Some("TTL: 30s, 2h, 7d, never"),
            _ => None,
        }
    }

    /// The change, or why there is none yet.
    pub(super) fn change(&self) -> Result<Change, String> {
        let key = self.key.clone();
        let (name, value) = (self.bytes(&self.name)?, self.bytes(&self.value)?);
        let needs = |what: &[u8], label: &str| {
            if what.is_empty() {
                Err(format!("{label} is empty; write one"))
            } else {
                Ok(())
            }
        };
        Ok(match &self.form {
            Form::Value {
                was,
                kind: Kind::Json,
            } => {
                let _ = was;
                if serde_json::from_slice::<serde::de::IgnoredAny>(&value).is_err() {
                    return Err("this is no JSON document; mind quotes and commas".into());
                }
                Change::SetJson { key, value }
            }
            Form::Value { was, .. } => Change::SetString {
                key,
                value,
                was: Some(was.clone()),
            },
            Form::Field { was, has_ttl } => {
                needs(&name, "The field's name")?;
                Change::SetField {
                    key,
                    field: name,
                    value,
                    was: was.clone(),
                    keep_ttl: *has_ttl,
                }
            }
            Form::FieldTtl { field } => Change::ExpireField {
                key,
                field: field.clone(),
                after_ms: ttl(&self.number)?,
            },
            Form::DeleteField { field } => Change::DeleteField {
                key,
                field: field.clone(),
            },
            Form::Element { index, was } => Change::SetElement {
                key,
                index: *index,
                value,
                was: was.clone(),
            },
            Form::DeleteElement { index, was } => Change::DeleteElement {
                key,
                index: *index,
                was: was.clone(),
            },
            Form::Push => Change::Push { key, value },
            Form::Member { was } => Change::Member {
                key,
                remove: was.clone(),
                add: Some(name),
            },
            Form::DeleteMember { member } => Change::Member {
                key,
                remove: Some(member.clone()),
                add: None,
            },
            Form::Scored { .. } => Change::SetScore {
                key,
                member: name,
                score: score(&self.number)?,
            },
            Form::DeleteScored { member } => Change::DeleteScored {
                key,
                member: member.clone(),
            },
            Form::Entry => {
                needs(&name, "The field's name")?;
                Change::AddEntry {
                    key,
                    fields: vec![(name, value)],
                }
            }
            Form::DeleteEntry { id } => Change::DeleteEntry {
                key,
                id: id.clone(),
            },
            Form::Ttl => Change::Expire {
                key,
                after_ms: ttl(&self.number)?,
            },
            Form::Rename => {
                needs(&name, "The new name")?;
                Change::Rename { key, to: name }
            }
            Form::Delete => Change::Delete { key },
            Form::New { kind } => {
                needs(&name, "The key's name")?;
                let value = new_value(*kind, &value)?;
                Change::Add {
                    key: name,
                    value,
                    after_ms: ttl(&self.number)?,
                }
            }
        })
    }

    fn bytes(&self, text: &str) -> Result<Vec<u8>, String> {
        if !self.escaped {
            return Ok(text.as_bytes().to_vec());
        }
        let words = split_line(&format!("\"{text}\""));
        match words {
            Ok(words) if words.len() == 1 => Ok(words.into_iter().next().unwrap_or_default()),
            _ => Err("an escape is wrong; write \\xff for a byte, \\\" for a quote, \\\\ for a backslash".into()),
        }
    }
}

/// Bytes with escapes, as they stand between the quotes of redis-cli.
fn escape(bytes: &[u8]) -> String {
    // The blank makes sure of the quotes, which are taken away with it.
    let quoted = shown_command([[bytes, b" "].concat().as_slice()]);
    quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix(" \""))
        .unwrap_or_default()
        .to_owned()
}

fn new_value(kind: Kind, value: &[u8]) -> Result<NewValue, String> {
    let parts = |at: u8, what: &str| {
        let place = value.iter().position(|byte| *byte == at);
        place
            .map(|place| {
                (
                    value[..place].trim_ascii().to_vec(),
                    value[place + 1..].trim_ascii_start().to_vec(),
                )
            })
            .filter(|(first, _)| !first.is_empty())
            .ok_or_else(|| what.to_owned())
    };
    Ok(match kind {
        Kind::Hash => {
            let (field, value) = parts(b'=', "write the first field as name = value")?;
            NewValue::Hash(field, value)
        }
        Kind::Stream => {
            let (field, value) = parts(b'=', "write the first entry as field = value")?;
            NewValue::Stream(field, value)
        }
        Kind::ZSet => {
            let (number, member) = parts(b' ', "write the first member as score, a blank, member")?;
            NewValue::ZSet(member, score(&String::from_utf8_lossy(&number))?)
        }
        Kind::List => NewValue::List(value.to_vec()),
        Kind::Set => NewValue::Set(value.to_vec()),
        _ => NewValue::String(value.to_vec()),
    })
}

fn score(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) if !number.is_nan() => Ok(text.to_owned()),
        _ => Err("the score is no number; write one like 1.5, or inf".into()),
    }
}

/// A TTL in milliseconds, `None` for never.
pub(super) fn ttl(text: &str) -> Result<Option<u64>, String> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("never") {
        return Ok(None);
    }
    let wrong = "the TTL is no time; write 30s, 2h, 7d or never";
    let time = humantime::parse_duration(text).map_err(|_| wrong.to_owned())?;
    match u64::try_from(time.as_millis()) {
        Ok(0) | Err(_) => {
            Err("a TTL must be longer than nothing; write 30s, 2h, 7d or never".into())
        }
        Ok(ms) => Ok(Some(ms)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_edited_with_escapes_and_come_back_exactly() {
        for bytes in [&b"plain"[..], b"two\nlines", b"\xff\0\"\\x", b"", b"a\x07"] {
            let edit = Edit::value(b"k", bytes, Kind::String);
            let Ok(Change::SetString { value, was, .. }) = edit.change() else {
                panic!("{edit:?}")
            };
            assert_eq!((value.as_slice(), was.as_deref()), (bytes, Some(bytes)));
        }
    }

    #[test]
    fn a_field_with_a_ttl_is_edited_with_what_keeps_it_and_its_ttl_alone() {
        let mut edit = Edit::left(
            b"h",
            Form::FieldTtl {
                field: b"f".to_vec(),
            },
            Ttl::Never,
        );
        assert_eq!(edit.change().unwrap().shown(), "HPERSIST h FIELDS 1 f");
        edit.number = "30s".into();
        assert_eq!(
            edit.change().unwrap().shown(),
            "HPEXPIRE h 30000 FIELDS 1 f"
        );
        let form = |has_ttl| Form::Field {
            was: Some(b"old".to_vec()),
            has_ttl,
        };
        let shown = |has_ttl| {
            let edit = Edit::new(b"h", form(has_ttl)).filled(b"f", b"v");
            edit.change().unwrap().shown()
        };
        assert_eq!(shown(true), "HSETEX h FXX KEEPTTL FIELDS 1 f v");
        assert_eq!(shown(false), "HSET h f v");
    }

    #[test]
    fn what_is_typed_becomes_a_change_or_a_sentence() {
        let mut edit = Edit::new_key(Kind::ZSet);
        assert!(edit.change().is_err());
        edit.name = "rank".into();
        edit.value = "1.5 a member".into();
        edit.number = "2h".into();
        let change = edit.change().unwrap();
        assert_eq!(
            change.shown(),
            "ZADD rank 1.5 \"a member\"\nPEXPIRE rank 7200000"
        );
        for wrong in ["x", "0s", "1 parsec"] {
            assert!(ttl(wrong).is_err(), "{wrong}");
        }
        assert_eq!(ttl(" never "), Ok(None));
    }
}
