//! Parameters as PostgreSQL takes them: bound, each with the type that a literal in its place would have.
//!
//! A quoted literal takes the type that its place asks for, and a bound text would not: `id = 'a0ee...'` compares two
//! `uuid`, `id = $1` with a text fails. So the server is asked which types it infers, and each text is sent as text and
//! cast to that type, by the same input function that reads a literal.

use std::collections::BTreeSet;

use sqlx::postgres::PgArguments;

use crate::report::{Dialect, Params, Rendered, Template, Value, lex, line_column};
use crate::source::bind::{self, Slots};
use crate::source::{Query, SourceError};

/// Values that one query takes: the protocol counts them in 16 bits.
const MOST: usize = 65_535;

/// How values become SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Each with its own type, an integer as `bigint`; text takes the type that its place asks for.
    Values,
    /// As literals: an integer is `integer` where it fits, a float `numeric`, and dates are quoted.
    Literals,
    /// Each takes the type that its place asks for.
    Inferred,
}

/// One way to give the parameters types.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    mode: Mode,
    /// Whether one parameter may have another type at each place. Otherwise it is one `$1`, so that `GROUP BY f(:a)`
    /// is the `f(:a)` of the select list.
    apart: bool,
}

/// What is tried in turn while the server says that types do not fit.
pub(super) const ATTEMPTS: [Attempt; 6] = [
    Attempt::new(Mode::Values, false),
    Attempt::new(Mode::Values, true),
    Attempt::new(Mode::Literals, false),
    Attempt::new(Mode::Literals, true),
    Attempt::new(Mode::Inferred, false),
    Attempt::new(Mode::Inferred, true),
];

impl Attempt {
    const fn new(mode: Mode, apart: bool) -> Self {
        Self { mode, apart }
    }
}

/// The types that the server infers, by the number of the placeholder; `None` for text.
pub(super) type Inferred = Vec<Option<String>>;

/// What was sent: a report's SQL, with `before` bytes of ours in front.
#[derive(Clone, Copy)]
pub(super) struct Sent<'a> {
    rendered: &'a Rendered,
    text: &'a str,
    before: usize,
}

impl<'a> Sent<'a> {
    pub(super) fn new(rendered: &'a Rendered, text: &'a str, before: usize) -> Self {
        Self {
            rendered,
            text,
            before,
        }
    }
}

/// A report's SQL with the values to bind.
pub(in crate::source) struct Statement {
    /// The report's SQL.
    original: String,
    template: Template,
    /// The values, with NULL in the place of each empty list.
    params: Params,
    slots: Slots,
    /// For each place, how many values stand up to there.
    ordinals: Vec<usize>,
    /// Which of the slots is an empty list.
    empty: BTreeSet<usize>,
    mode: Mode,
    rendered: Rendered,
}

impl Statement {
    pub(super) fn new(query: &Query) -> Result<Self, SourceError> {
        let template = bind::template(&query.sql, Dialect::Postgres)?;
        let slots = Slots::of(&template, &query.params);
        bind::refuse_too_many(slots.values.len(), MOST, "PostgreSQL")?;
        let is_empty = |value: &Value| matches!(value, Value::List(values) if values.is_empty());
        let empty = (0..slots.values.len())
            .filter(|slot| is_empty(&slots.values[*slot]))
            .collect();
        let ordinals = slots.places.iter().scan(0, |count, place| {
            *count += usize::from(place.is_some());
            Some(*count)
        });
        let ordinals = ordinals.collect();
        let params = query.params.0.iter().map(|(name, value)| {
            let value = if is_empty(value) { &Value::Null } else { value };
            (name.clone(), value.clone())
        });
        let mut statement = Self {
            original: query.sql.clone(),
            template,
            params: Params(params.collect()),
            slots,
            ordinals,
            empty,
            mode: Mode::Values,
            rendered: Rendered::default(),
        };
        statement.take(ATTEMPTS[0], &Inferred::new())?;
        Ok(statement)
    }

    /// Whether values are bound.
    pub(super) fn binds(&self) -> bool {
        !self.slots.values.is_empty()
    }

    /// What is sent, with the values' types.
    pub(super) fn rendered(&self) -> &Rendered {
        &self.rendered
    }

    /// The same without its semicolon.
    pub(super) fn sql(&self) -> &str {
        without_semicolon(&self.rendered.sql)
    }

    /// SQL from which the server infers the types of this attempt's placeholders, and how many there are; `None` where
    /// nothing is left to infer.
    pub(super) fn probe(&self, attempt: Attempt) -> Result<Option<(Rendered, usize)>, SourceError> {
        let infers = |slot: usize| self.infers(attempt.mode, slot);
        if !(0..self.slots.values.len()).any(infers) {
            return Ok(None);
        }
        let rendered = self.render(|place, slot, value| {
            let number = self.number(attempt, place, slot);
            if infers(slot) {
                format!("${number}")
            } else {
                typed(attempt.mode, number, value)
            }
        })?;
        let numbers = if attempt.apart {
            self.ordinals.last().copied().unwrap_or(0)
        } else {
            self.slots.values.len()
        };
        Ok(Some((rendered, numbers)))
    }

    /// Gives the placeholders these types.
    pub(super) fn take(&mut self, attempt: Attempt, types: &Inferred) -> Result<(), SourceError> {
        self.rendered = self.render(|place, slot, value| {
            let number = self.number(attempt, place, slot);
            let kind = types.get(number - 1).and_then(Option::as_deref);
            match kind {
                _ if self.empty.contains(&slot) => {
                    format!("SELECT NULL::{} WHERE false", kind.unwrap_or("text"))
                }
                Some(kind) if self.infers(attempt.mode, slot) => {
                    format!("(${}::text::{kind})", slot + 1)
                }
                None if self.infers(attempt.mode, slot) => format!("${}", slot + 1),
                _ => typed(attempt.mode, slot + 1, value),
            }
        })?;
        self.mode = attempt.mode;
        Ok(())
    }

    /// The values by their numbers; a NULL stands in the SQL itself, where it takes any type.
    pub(super) fn arguments(&self) -> Result<PgArguments, SourceError> {
        let values: Vec<Value> = self
            .slots
            .values
            .iter()
            .map(|value| match (self.mode, value) {
                (Mode::Literals, Value::Float(_))
                | (Mode::Inferred, Value::Integer(_) | Value::Float(_) | Value::Boolean(_)) => {
                    Value::Text(value.text())
                }
                _ => value.clone(),
            })
            .collect();
        bind::arguments(&values, "+00")
    }

    /// Line and column in the report's SQL of a character, from 1, in what was sent.
    pub(super) fn position(&self, sent: Sent<'_>, character: usize) -> Option<(usize, usize)> {
        let at = sent
            .text
            .char_indices()
            .nth(character.checked_sub(1)?)
            .map_or(sent.text.len(), |(at, _)| at);
        let at = at.checked_sub(sent.before)?;
        Some(line_column(&self.original, sent.rendered.original(at)))
    }

    fn render(
        &self,
        placeholder: impl Fn(usize, usize, &Value) -> String,
    ) -> Result<Rendered, SourceError> {
        self.template
            .render(&self.params, "NULL", |number, value| {
                match self.slots.places.get(number - 1) {
                    Some(Some(slot)) => placeholder(number - 1, *slot, value),
                    _ => "NULL".to_owned(),
                }
            })
            .map_err(|error| SourceError::Param(error.to_string()))
    }

    /// The number of the placeholder at a place.
    fn number(&self, attempt: Attempt, place: usize, slot: usize) -> usize {
        if attempt.apart {
            self.ordinals[place]
        } else {
            slot + 1
        }
    }

    /// Whether a value's type is inferred from its place.
    fn infers(&self, mode: Mode, slot: usize) -> bool {
        match (&self.slots.values[slot], mode) {
            (Value::Text(_) | Value::List(_), _) | (_, Mode::Inferred) => true,
            (Value::Date(_) | Value::Timestamp(_) | Value::TimestampUtc(_), mode) => {
                mode == Mode::Literals
            }
            _ => false,
        }
    }
}

/// A value with a type of its own.
fn typed(mode: Mode, number: usize, value: &Value) -> String {
    match value {
        Value::Null | Value::NullOf(_) | Value::List(_) => "NULL".to_owned(),
        Value::Text(_) => format!("${number}"),
        Value::Decimal(_) => format!("(${number}::text::numeric)"),
        Value::Integer(value) if mode == Mode::Literals && i32::try_from(*value).is_ok() => {
            format!("(${number}::bigint::integer)")
        }
        Value::Integer(_) => format!("(${number}::bigint)"),
        Value::Float(_) if mode == Mode::Literals => format!("(${number}::text::numeric)"),
        Value::Float(_) => format!("(${number}::float8)"),
        Value::Boolean(_) => format!("(${number}::boolean)"),
        Value::Date(_) => format!("(${number}::text::date)"),
        Value::Timestamp(_) => format!("(${number}::text::timestamp)"),
        Value::TimestampUtc(_) => format!("(${number}::text::timestamptz)"),
    }
}

/// Without the semicolon and what stands behind it, which would not fit into a subselect.
pub(super) fn without_semicolon(sql: &str) -> &str {
    let end = lex::tokens(sql, Dialect::Postgres)
        .flatten()
        .find(|token| token.kind == lex::Kind::Symbol && &sql[token.at..token.end] == ";")
        .map_or(sql.len(), |token| token.at);
    &sql[..end]
}
