//! What does the SQL leave to the database? The order of rows, which rows a LIMIT cuts, the order within an aggregate:
//! two answers that differ only there are both right.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, LimitClause, OrderByKind, Query, SetExpr, Statement, Value, Visit, Visitor,
};

use super::{Dialect, lex, parse};

/// Functions whose value depends on the order in which the database reads rows.
const ORDERED: [&str; 18] = [
    "any_value",
    "array_agg",
    "first_value",
    "group_concat",
    "json_agg",
    "json_arrayagg",
    "json_group_array",
    "json_group_object",
    "json_object_agg",
    "jsonb_agg",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "row_number",
    "string_agg",
    "xmlagg",
];

/// What two right answers to one query may differ in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leeway {
    /// The terms of ORDER BY as far as they are columns of the answer, `None` for another expression. Empty where the
    /// order of rows is left to the database.
    pub order: Vec<Option<OrderKey>>,
    /// A LIMIT cuts the ordered rows: which of those that are tied there are in the answer is left to the database.
    pub cut: bool,
    /// What else is left to the database, in words that follow "the database chooses".
    pub choice: Option<String>,
}

/// A term of ORDER BY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderKey {
    /// A column of the answer by its name.
    Name(String),
    /// A column of the answer by its number, from 0.
    Number(usize),
}

impl Leeway {
    /// Reads what `sql` leaves open. Views and functions of the database are not looked into.
    pub fn of(sql: &str, dialect: Dialect) -> Self {
        let leeway = Self {
            choice: by_word(sql, dialect),
            ..Self::default()
        };
        let of_query = |statements: &[Statement]| match statements {
            [Statement::Query(query)] => Some(leeway.clone().with(query)),
            _ => None,
        };
        if let Ok(Some(leeway)) = parse::statements(sql, dialect, of_query) {
            return leeway;
        }
        let mut leeway = leeway;
        if cuts_by_word(sql, dialect) {
            leeway.choose("which rows a LIMIT leaves");
        }
        leeway
    }

    fn with(mut self, query: &Query) -> Self {
        self.order = terms(query);
        self.cut = is_cut(query);
        if self.cut && self.order.is_empty() {
            self.choose("which rows a LIMIT without ORDER BY leaves");
        } else if self.cut && self.order.iter().any(Option::is_none) {
            self.choose("which rows tied in ORDER BY a LIMIT leaves");
        }
        let mut cuts = Cuts(0);
        let _ = query.visit(&mut cuts);
        if cuts.0 > usize::from(self.cut) {
            self.choose("which rows a LIMIT inside the query leaves");
        }
        self
    }

    fn choose(&mut self, what: &str) {
        self.choice.get_or_insert_with(|| what.to_owned());
    }
}

/// Counts the queries that cut their rows, at whatever depth.
struct Cuts(usize);

impl Visitor for Cuts {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.0 += usize::from(is_cut(query));
        ControlFlow::Continue(())
    }
}

fn is_cut(query: &Query) -> bool {
    let limited = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => limit.is_some() || offset.is_some(),
        Some(LimitClause::OffsetCommaLimit { .. }) => true,
        None => false,
    };
    let by_select = match query.body.as_ref() {
        // DISTINCT ON keeps the first row of each group, as a LIMIT does.
        SetExpr::Select(select) => {
            select.top.is_some() || matches!(select.distinct, Some(sqlparser::ast::Distinct::On(_)))
        }
        _ => false,
    };
    limited || by_select || query.fetch.is_some()
}

fn terms(query: &Query) -> Vec<Option<OrderKey>> {
    let Some(OrderByKind::Expressions(terms)) = query.order_by.as_ref().map(|order| &order.kind)
    else {
        return Vec::new();
    };
    let key = |expr: &Expr| match expr {
        Expr::Identifier(name) => Some(OrderKey::Name(name.value.clone())),
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => {
                let number: usize = number.parse().ok()?;
                Some(OrderKey::Number(number.checked_sub(1)?))
            }
            _ => None,
        },
        _ => None,
    };
    terms.iter().map(|term| key(&term.expr)).collect()
}

fn words(sql: &str, dialect: Dialect) -> Vec<(String, bool)> {
    let tokens: Vec<_> = lex::tokens(sql, dialect).map_while(Result::ok).collect();
    let text = |i: usize| tokens.get(i).and_then(|token| sql.get(token.at..token.end));
    (0..tokens.len())
        .filter(|i| tokens[*i].kind == lex::Kind::Word)
        .filter_map(|i| Some((text(i)?.to_ascii_lowercase(), text(i + 1) == Some("("))))
        .collect()
}

fn by_word(sql: &str, dialect: Dialect) -> Option<String> {
    words(sql, dialect)
        .into_iter()
        .find(|(word, called)| *called && ORDERED.contains(&word.as_str()))
        .map(|(word, _)| format!("in which order {word} reads rows"))
}

fn cuts_by_word(sql: &str, dialect: Dialect) -> bool {
    words(sql, dialect)
        .iter()
        .any(|(word, _)| ["limit", "fetch", "top", "offset"].contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> Leeway {
        Leeway::of(sql, Dialect::Postgres)
    }

    fn name(name: &str) -> OrderKey {
        OrderKey::Name(name.to_owned())
    }

    #[test]
    fn order_by_names_columns_or_leaves_the_order_open() {
        assert_eq!(of("SELECT a FROM t"), Leeway::default());
        let ordered = of("SELECT a, b, c FROM t WHERE a > :a ORDER BY a, 2 DESC, b + c, t.c");
        let expected = [Some(name("a")), Some(OrderKey::Number(1)), None, None];
        assert_eq!(ordered.order, expected);
        assert!(!ordered.cut && ordered.choice.is_none());
    }

    #[test]
    fn a_limit_leaves_ties_open_and_without_order_by_everything() {
        let top = of("SELECT a, sum(b) AS s FROM t GROUP BY a ORDER BY s DESC, a LIMIT 10");
        assert_eq!(
            (top.order, top.cut),
            (vec![Some(name("s")), Some(name("a"))], true)
        );
        assert_eq!(top.choice, None);
        for sql in [
            "SELECT a FROM t LIMIT 10",
            "SELECT a FROM t OFFSET 3",
            "SELECT a FROM t FETCH FIRST 3 ROWS ONLY",
            "SELECT a FROM t ORDER BY lower(a) LIMIT 3",
            "SELECT count(*) FROM (SELECT a FROM t ORDER BY a LIMIT 3) x",
            "WITH x AS (SELECT a FROM t LIMIT 3) SELECT a FROM x ORDER BY a LIMIT 2",
            "SELECT DISTINCT ON (a) a, b FROM t",
            "this cannot be parsed limit 3",
        ] {
            assert!(of(sql).choice.is_some(), "{sql}");
        }
    }

    #[test]
    fn what_reads_rows_in_their_order_is_named() {
        let joined = of("SELECT a, string_agg(b, ',') FROM t GROUP BY a");
        assert_eq!(
            joined.choice.as_deref(),
            Some("in which order string_agg reads rows")
        );
        assert_eq!(of("SELECT lag FROM t").choice, None);
    }
}
