//! What does a command take, and which of it is being typed? From the arguments that COMMAND DOCS describes.

use std::collections::HashMap;

use redis::Value;

use super::commands::{pairs, text};

/// One argument of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Argument {
    /// What it is called: `key`, `seconds`.
    pub name: String,
    /// Whether it names a key.
    pub is_key: bool,
    /// The word before it, or the word that it is: `EX`, `NX`.
    pub token: String,
    /// What kind it is.
    pub form: Form,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it may be given several times.
    pub multiple: bool,
    /// Whether the token stands before each of the several.
    pub repeats_token: bool,
    /// What it consists of.
    pub parts: Vec<Argument>,
}

/// What kind of an argument it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Any word.
    #[default]
    Value,
    /// The token and nothing else.
    Token,
    /// One of its parts.
    OneOf,
    /// All of its parts, in order.
    Block,
}

/// How far typed words go into an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// They are no such argument.
    Nothing,
    /// So many words are this argument.
    Whole(usize),
    /// They end inside it; whether a key is what comes next.
    Inside { key: bool },
}

/// What is being typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Current {
    /// From this argument...
    pub from: usize,
    /// ... up to before this one; several where more than one may come next.
    pub to: usize,
    /// Whether it is the name of a key.
    pub is_key: bool,
}

impl Argument {
    /// A word called so, for tests and pictures.
    pub fn word(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_key: name == "key",
            ..Self::default()
        }
    }

    pub(super) fn read_all(answer: &Value) -> Vec<Self> {
        match answer {
            Value::Array(all) => all.iter().map(Self::read).collect(),
            _ => Vec::new(),
        }
    }

    fn read(answer: &Value) -> Self {
        let fields: HashMap<String, Value> = pairs(answer).into_iter().collect();
        let field = |name: &str| fields.get(name).and_then(text).unwrap_or_default();
        let flags: Vec<String> = match fields.get("flags") {
            Some(Value::Array(flags) | Value::Set(flags)) => {
                flags.iter().filter_map(text).collect()
            }
            _ => Vec::new(),
        };
        let has = |flag: &str| flags.iter().any(|known| known == flag);
        let kind = field("type");
        Self {
            name: field("name"),
            is_key: kind == "key",
            token: field("token"),
            form: match kind.as_str() {
                "pure-token" => Form::Token,
                "oneof" => Form::OneOf,
                "block" => Form::Block,
                _ => Form::Value,
            },
            optional: has("optional"),
            multiple: has("multiple"),
            repeats_token: has("multiple_token"),
            parts: fields
                .get("arguments")
                .map(Self::read_all)
                .unwrap_or_default(),
        }
    }

    /// As the documentation writes it.
    pub fn shown(&self) -> String {
        let inner = |between: &str| {
            let parts: Vec<String> = self.parts.iter().map(Self::shown).collect();
            parts.join(between)
        };
        let body = match self.form {
            Form::Token => String::new(),
            Form::OneOf => inner(" | "),
            Form::Block => inner(" "),
            Form::Value => self.name.clone(),
        };
        let words = |parts: &[&str]| {
            let parts: Vec<&str> = parts
                .iter()
                .copied()
                .filter(|part| !part.is_empty())
                .collect();
            parts.join(" ")
        };
        let mut shown = words(&[&self.token, &body]);
        if self.multiple {
            let again = if self.repeats_token || body.is_empty() {
                shown.clone()
            } else {
                body
            };
            shown = format!("{shown} [{again} ...]");
        }
        if self.optional {
            format!("[{shown}]")
        } else if self.form == Form::OneOf && shown.contains(" | ") {
            format!("<{shown}>")
        } else {
            shown
        }
    }

    /// How far the finished `words` go into it; `later` are tokens that end a row of several.
    fn take(&self, words: &[&str], later: &[&str]) -> Taken {
        let Taken::Whole(mut taken) = self.take_once(words, later) else {
            return self.take_once(words, later);
        };
        while self.multiple && taken > 0 && taken < words.len() {
            let ends = |word: &str| later.iter().any(|token| token.eq_ignore_ascii_case(word));
            if ends(words[taken]) {
                break;
            }
            let again = if self.repeats_token || self.token.is_empty() {
                self.take_once(&words[taken..], later)
            } else {
                self.take_body(&words[taken..], later)
            };
            match again {
                Taken::Whole(more) if more > 0 => taken += more,
                Taken::Inside { key } => return Taken::Inside { key },
                _ => break,
            }
        }
        Taken::Whole(taken)
    }

    fn take_once(&self, words: &[&str], later: &[&str]) -> Taken {
        if self.token.is_empty() {
            return self.take_body(words, later);
        }
        match words.first() {
            Some(first) if first.eq_ignore_ascii_case(&self.token) => {
                match self.take_body(&words[1..], later) {
                    Taken::Whole(more) => Taken::Whole(more + 1),
                    // Behind its token it can be nothing else.
                    Taken::Nothing | Taken::Inside { .. } => Taken::Inside { key: self.is_key },
                }
            }
            _ => Taken::Nothing,
        }
    }

    fn take_body(&self, words: &[&str], later: &[&str]) -> Taken {
        match self.form {
            Form::Token => Taken::Whole(0),
            Form::Value if words.is_empty() => Taken::Nothing,
            Form::Value => Taken::Whole(1),
            Form::OneOf => self
                .parts
                .iter()
                .map(|part| part.take(words, later))
                .find(|taken| *taken != Taken::Nothing)
                .unwrap_or(Taken::Nothing),
            Form::Block => {
                let (at, used) = walk(&self.parts, words, later);
                match at {
                    None => Taken::Whole(used),
                    Some(_) if words.is_empty() => Taken::Nothing,
                    // Only what may be left out is missing.
                    Some(at) if used < words.len() && !at.required => Taken::Whole(used),
                    Some(at) => Taken::Inside {
                        key: at.current.is_key,
                    },
                }
            }
        }
    }

    fn tokens<'a>(&'a self, into: &mut Vec<&'a str>) {
        if !self.token.is_empty() {
            into.push(&self.token);
        } else if self.form == Form::OneOf || self.form == Form::Block {
            for part in &self.parts {
                part.tokens(into);
            }
        }
    }

    fn begins_with_key(&self) -> bool {
        match self.form {
            _ if !self.token.is_empty() => false,
            Form::Value => self.is_key,
            Form::Block => self.parts.first().is_some_and(Self::begins_with_key),
            _ => false,
        }
    }
}

/// Where words end among arguments.
struct At {
    current: Current,
    /// Whether something that must be given is still missing.
    required: bool,
}

/// Where the `words` end among `arguments`, `None` where they fill them; and how many words were used.
fn walk(arguments: &[Argument], words: &[&str], outer: &[&str]) -> (Option<At>, usize) {
    let mut used = 0;
    let mut at = 0;
    while at < arguments.len() {
        // What may be left out comes in any order.
        let run = arguments[at..]
            .iter()
            .take_while(|argument| argument.optional)
            .count()
            .max(1);
        let mut later: Vec<&str> = outer.to_vec();
        for argument in &arguments[at..] {
            argument.tokens(&mut later);
        }
        let mut open: Vec<usize> = (at..at + run).collect();
        let mut last_many = None;
        while used < words.len() {
            let found = open.iter().enumerate().find_map(|(place, &which)| {
                match arguments[which].take(&words[used..], &later) {
                    Taken::Nothing => None,
                    taken => Some((place, which, taken)),
                }
            });
            match found {
                Some((place, which, Taken::Whole(more))) if more > 0 => {
                    used += more;
                    open.remove(place);
                    last_many = arguments[which].multiple.then_some(which);
                }
                Some((_, which, Taken::Inside { key })) => {
                    let current = Current {
                        from: which,
                        to: which + 1,
                        is_key: key,
                    };
                    let at = At {
                        current,
                        required: true,
                    };
                    return (Some(at), words.len());
                }
                _ => break,
            }
        }
        // After the last of a row that is no row of several, what comes next begins the next row.
        if used == words.len() && (last_many.is_some() || !open.is_empty()) {
            // Another of several may follow, as well as what comes after it.
            let from = last_many.or(open.first().copied()).unwrap_or(at + run);
            let end = open.last().map_or(from + 1, |last| last + 1).max(from + 1);
            if from < arguments.len() {
                let many = last_many.is_some();
                let required = !many && open.iter().any(|&which| !arguments[which].optional)
                    || arguments[(at + run).min(arguments.len())..]
                        .iter()
                        .any(|argument| !argument.optional);
                let current = Current {
                    from,
                    to: if many { from + 1 } else { end },
                    is_key: arguments[from].begins_with_key(),
                };
                return (Some(At { current, required }), used);
            }
        }
        at += run;
    }
    (None, used)
}

/// Which of the arguments comes after these finished words. `partial` is what stands at the caret: where it begins like
/// a token, that argument is meant.
pub(super) fn current(arguments: &[Argument], words: &[&str], partial: &str) -> Option<Current> {
    let (at, _) = walk(arguments, words, &[]);
    let mut current = at?.current;
    if !partial.is_empty() {
        let begins = |argument: &Argument| {
            let mut tokens = Vec::new();
            argument.tokens(&mut tokens);
            tokens.iter().any(|token| {
                token
                    .get(..partial.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(partial))
            })
        };
        if let Some(which) = (current.from..current.to).find(|&at| begins(&arguments[at])) {
            current.from = which;
            current.to = which + 1;
        }
    }
    Some(current)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(token: &str, name: &str) -> Argument {
        Argument {
            token: token.into(),
            optional: true,
            ..Argument::word(name)
        }
    }

    fn token(token: &str) -> Argument {
        Argument {
            token: token.into(),
            form: Form::Token,
            ..Argument::default()
        }
    }

    /// SET, as Redis 7 describes it.
    fn set() -> Vec<Argument> {
        let one_of = |parts: Vec<Argument>| Argument {
            form: Form::OneOf,
            optional: true,
            parts,
            ..Argument::default()
        };
        let mandatory = |argument: Argument| Argument {
            optional: false,
            ..argument
        };
        vec![
            Argument::word("key"),
            Argument::word("value"),
            one_of(vec![token("NX"), token("XX")]),
            Argument {
                optional: true,
                ..token("GET")
            },
            one_of(vec![
                mandatory(option("EX", "seconds")),
                mandatory(option("PX", "milliseconds")),
                token("KEEPTTL"),
            ]),
        ]
    }

    fn at(arguments: &[Argument], line: &str) -> Option<(usize, usize, bool)> {
        let mut words: Vec<&str> = line.split(' ').collect();
        let partial = words.pop().unwrap_or_default();
        current(arguments, &words, partial).map(|at| (at.from, at.to, at.is_key))
    }

    #[test]
    fn arguments_read_as_the_documentation_writes_them() {
        let shown: Vec<String> = set().iter().map(Argument::shown).collect();
        assert_eq!(
            shown.join(" "),
            "key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]"
        );
        let many = Argument {
            multiple: true,
            ..Argument::word("key")
        };
        assert_eq!(many.shown(), "key [key ...]");
    }

    #[test]
    fn the_argument_at_the_caret_is_found() {
        let set = set();
        for (line, expected) in [
            ("", Some((0, 1, true))),
            ("k", Some((0, 1, true))),
            ("k ", Some((1, 2, false))),
            // What may come next is all that is left, until a word tells which.
            ("k v ", Some((2, 5, false))),
            ("k v EX", Some((4, 5, false))),
            ("k v EX ", Some((4, 5, false))),
            ("k v ex 1", Some((4, 5, false))),
            ("k v EX 1 ", Some((2, 4, false))),
            ("k v GET EX 1 NX ", None),
        ] {
            assert_eq!(at(&set, line), expected, "{line}");
        }
    }

    #[test]
    fn several_may_follow_one_another() {
        let pair = Argument {
            form: Form::Block,
            multiple: true,
            parts: vec![Argument::word("score"), Argument::word("member")],
            ..Argument::default()
        };
        let zadd = [Argument::word("key"), pair];
        assert_eq!(at(&zadd, "k "), Some((1, 2, false)));
        assert_eq!(at(&zadd, "k 1 a 2 "), Some((1, 2, false)));
        let keys = [Argument {
            multiple: true,
            ..Argument::word("key")
        }];
        assert_eq!(at(&keys, "a b c"), Some((0, 1, true)));
        let streams = [
            option("COUNT", "count"),
            Argument {
                token: "STREAMS".into(),
                form: Form::Block,
                parts: vec![
                    Argument {
                        multiple: true,
                        ..Argument::word("key")
                    },
                    Argument {
                        multiple: true,
                        ..Argument::word("id")
                    },
                ],
                ..Argument::default()
            },
        ];
        assert_eq!(at(&streams, ""), Some((0, 1, false)));
        assert_eq!(at(&streams, "COUNT 2 "), Some((1, 2, false)));
        assert_eq!(
            at(&streams, "STREAMS ").map(|(from, to, _)| (from, to)),
            Some((1, 2))
        );
    }
}
