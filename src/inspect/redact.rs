//! Takes secrets out of what a server answers to a command that a person sent.
//!
//! Of settings only those are shown that are known to be harmless by their name, or by a value that cannot be a
//! password; a module may have settings that no list here knows.

use redis::Value;

use super::commands::text;
use super::secret::{HIDDEN, is_password_rule, is_secret_setting, secret_words};
use super::server::is_known_setting;

/// Whether a setting's value may be shown.
pub(super) fn may_show(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !is_secret_setting(&name) && (is_known_setting(&name) || is_plain(value))
}

/// Whether a value is empty, a switch, or a few numbers.
fn is_plain(value: &str) -> bool {
    matches!(value, "" | "yes" | "no" | "on" | "off" | "true" | "false")
        || value.len() <= 64
            && value.bytes().all(|byte| {
                byte.is_ascii_digit() || matches!(byte, b' ' | b'.' | b',' | b'-' | b'%')
            })
}

/// An answer without its secrets. `words` are the command; a server may have renamed it, so the subcommand decides.
pub fn redact<W: AsRef<[u8]>>(words: &[W], answer: Value) -> Value {
    let upper = |at: usize| {
        let word = words.get(at).map(AsRef::as_ref).unwrap_or_default();
        String::from_utf8_lossy(word).to_ascii_uppercase()
    };
    match (upper(0).as_str(), upper(1).as_str(), upper(2).as_str()) {
        ("CONFIG", "GET", _) | ("SENTINEL", "CONFIG", "GET") => named(answer, &setting),
        ("MODULE", "LIST", _) => each(answer, &|module| named(module, &argument)),
        ("SLOWLOG" | "COMMANDLOG", "GET", _) => each(answer, &logged),
        (_, "GETUSER", _) => named(answer, &password),
        (_, "LIST", _) => each(answer, &account),
        // CONFIG under another name, and scripts, which may ask what they like on servers that let them.
        (_, "GET", _)
        | ("EVAL" | "EVAL_RO" | "EVALSHA" | "EVALSHA_RO" | "FCALL" | "FCALL_RO", ..) => {
            named(answer, &secret)
        }
        _ => answer,
    }
}

fn hidden() -> Value {
    Value::BulkString(HIDDEN.to_vec())
}

/// Changes the elements of a list.
fn each(answer: Value, change: &dyn Fn(Value) -> Value) -> Value {
    match answer {
        Value::Array(items) => Value::Array(items.into_iter().map(change).collect()),
        Value::Set(items) => Value::Set(items.into_iter().map(change).collect()),
        Value::Attribute { data, attributes } => Value::Attribute {
            data: Box::new(each(*data, change)),
            attributes,
        },
        other => other,
    }
}

/// Changes the values of pairs, which come as a map or as a list of name, value, name, value.
fn named(answer: Value, change: &dyn Fn(&str, Value) -> Value) -> Value {
    let value = |name: &Value, value| change(&text(name).unwrap_or_default(), value);
    match answer {
        Value::Map(pairs) => Value::Map(
            pairs
                .into_iter()
                .map(|(name, of)| {
                    let of = value(&name, of);
                    (name, of)
                })
                .collect(),
        ),
        Value::Array(items) => {
            let mut named = Vec::with_capacity(items.len());
            let mut items = items.into_iter();
            while let Some(name) = items.next() {
                let of = items.next().map(|of| value(&name, of));
                named.push(name);
                named.extend(of);
            }
            Value::Array(named)
        }
        Value::Attribute { data, attributes } => Value::Attribute {
            data: Box::new(named(*data, change)),
            attributes,
        },
        other => other,
    }
}

/// A setting of the server.
fn setting(name: &str, value: Value) -> Value {
    match text(&value) {
        Some(plain) if may_show(name, &plain) => value,
        // Whether there is a password is no secret.
        Some(plain) if plain.is_empty() => value,
        _ => hidden(),
    }
}

/// A pair that may be a setting, or a user's data.
fn secret(name: &str, value: Value) -> Value {
    const SECRETS: &[&str] = &[
        "requirepass",
        "masterauth",
        "primaryauth",
        "tls-key-file-pass",
        "tls-client-key-file-pass",
        "sentinel-pass",
    ];
    let is_set = text(&value).is_none_or(|value| !value.is_empty());
    if is_set && SECRETS.contains(&name.to_ascii_lowercase().as_str()) {
        hidden()
    } else {
        value
    }
}

/// What a module was loaded with.
fn argument(name: &str, value: Value) -> Value {
    if name.eq_ignore_ascii_case("args") {
        each(value, &|_| hidden())
    } else {
        value
    }
}

/// The hashes of an account's passwords.
fn password(name: &str, value: Value) -> Value {
    if name.eq_ignore_ascii_case("passwords") {
        each(value, &|_| hidden())
    } else {
        value
    }
}

/// An account as a line of rules.
fn account(line: Value) -> Value {
    let Some(rules) = text(&line).filter(|rules| rules.starts_with("user ")) else {
        return line;
    };
    let rules: Vec<_> = rules
        .split(' ')
        .map(|rule| {
            if is_password_rule(rule.as_bytes()) {
                String::from_utf8_lossy(HIDDEN).into_owned()
            } else {
                rule.to_owned()
            }
        })
        .collect();
    Value::BulkString(rules.join(" ").into_bytes())
}

/// An entry of the slow log, whose fourth part is a command.
fn logged(entry: Value) -> Value {
    let Value::Array(mut parts) = entry else {
        return entry;
    };
    if let Some(Value::Array(words)) = parts.get_mut(3) {
        let plain: Vec<Vec<u8>> = words
            .iter()
            .map(|word| match word {
                Value::BulkString(bytes) => bytes.clone(),
                other => text(other).unwrap_or_default().into_bytes(),
            })
            .collect();
        for at in secret_words(&plain) {
            words[at] = hidden();
        }
    }
    Value::Array(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn list(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|text| word(text)).collect())
    }

    fn map(words: &[&str]) -> Value {
        let pairs = words.chunks(2);
        Value::Map(pairs.map(|two| (word(two[0]), word(two[1]))).collect())
    }

    fn shown(command: &str, answer: Value) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        format!("{:?}", redact(&words, answer))
    }

    #[test]
    fn answers_to_config_get_show_harmless_settings_only() {
        let secrets = [
            "requirepass",
            "masterauth",
            "masteruser",
            "primaryauth",
            "tls-key-file-pass",
            "tls-client-key-file-pass",
            "sentinel-pass",
            "search-oss-global-password",
            "some.token",
            "x-unknown",
            "RequirePass",
        ];
        for name in secrets {
            for command in ["CONFIG GET *", "config get a b", "SENTINEL CONFIG GET *"] {
                for shape in [list as fn(&[&str]) -> Value, map] {
                    let answer = shape(&["maxmemory-policy", "noeviction", name, "geheim"]);
                    let text = shown(command, answer);
                    assert!(
                        !text.contains("geheim") && text.contains("noeviction"),
                        "{text}"
                    );
                    assert!(text.contains("hidden"), "{text}");
                }
            }
        }
        // Whether a password is set at all may be known.
        assert!(!shown("CONFIG GET *", list(&["requirepass", ""])).contains("hidden"));
        assert!(!shown("CONFIG GET *", list(&["x-unknown", "12 -3"])).contains("hidden"));
        // A renamed CONFIG, and a script.
        for command in ["XCONFIG GET *", "EVAL x 0", "FCALL f 0"] {
            let text = shown(command, list(&["a", "b", "requirepass", "geheim"]));
            assert!(
                !text.contains("geheim") && text.contains("hidden"),
                "{text}"
            );
        }
        // A user's data is none of it.
        let own = list(&["requirepass", "mine"]);
        assert_eq!(redact(&["HGETALL", "h"], own.clone()), own);
    }

    #[test]
    fn passwords_in_answers_about_accounts_and_modules_are_hidden() {
        let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let rules = format!("user ann on #{hash} ~* +@all");
        let text = shown(
            "ACL LIST",
            list(&[&rules, "user default on nopass ~* +@all"]),
        );
        assert!(!text.contains(hash) && text.contains("nopass"), "{text}");
        let user = Value::Array(vec![
            word("flags"),
            list(&["on"]),
            word("passwords"),
            list(&[hash]),
        ]);
        let text = shown("acl getuser ann", user);
        assert!(!text.contains("9f86"), "{text}");
        let module = Value::Array(vec![
            word("name"),
            word("search"),
            word("args"),
            list(&["geheim"]),
        ]);
        let text = shown("MODULE LIST", Value::Array(vec![module]));
        assert!(!text.contains("geheim") && text.contains("name"), "{text}");
        let entry = Value::Array(vec![
            Value::Int(1),
            Value::Int(1),
            Value::Int(1),
            list(&["MIGRATE", "h", "1", "k", "0", "5", "AUTH", "geheim"]),
        ]);
        let text = shown("SLOWLOG GET 10", Value::Array(vec![entry]));
        assert!(
            !text.contains("geheim") && text.contains("hidden"),
            "{text}"
        );
    }
}
