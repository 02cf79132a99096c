//! What commands print: the answer as it came, or a text for people.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::failure::Failure;

/// Prints `text` and a line end where it has none. A reader who has gone away has seen enough.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Refused(format!(
            "standard output cannot be written: {error}"
        ))),
        _ => Ok(()),
    }
}

/// How far something of `count` steps is; nothing is seen of it but on a terminal.
pub(super) fn progress_bar(count: u64, target: ProgressDrawTarget) -> ProgressBar {
    let style = "{elapsed_precise} {wide_bar} {human_pos}/{human_len} {eta}";
    let style = ProgressStyle::with_template(style).expect("the template is well formed");
    ProgressBar::with_draw_target(Some(count), target).with_style(style)
}

/// A member's value as people read it.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

/// The members of an object, one a line.
pub(super) fn fields(object: &Value, names: &[&str]) -> String {
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for name in names {
        let value = text_of(&object[*name]);
        writeln!(text, "{name:width$}  {value}").expect("a text takes any text");
    }
    text
}

/// Rows under their column names. Columns in `right` stand to the right.
pub(super) fn table(columns: &[&str], right: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = columns.iter().map(|column| column.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let head: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let mut text = String::new();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for ((cell, &width), column) in row.iter().zip(&widths).zip(columns) {
            if right.contains(column) {
                write!(line, "{cell:>width$}  ").expect("a text takes any text");
            } else {
                write!(line, "{cell:width$}  ").expect("a text takes any text");
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A page of objects: the members `columns`, and how to get the next page.
pub(super) fn page(page: &Value, columns: &[&str], right: &[&str]) -> String {
    let items = page["items"].as_array().map_or(&[][..], Vec::as_slice);
    let row = |item: &Value| columns.iter().map(|name| text_of(&item[*name])).collect();
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    with_next(page, table(columns, right, &rows))
}

/// Says under a list how to get what follows.
pub(super) fn with_next(page: &Value, mut text: String) -> String {
    if let Some(next) = page["next"].as_str() {
        writeln!(text, "more with --cursor {next}").expect("a text takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let items =
            json!({"items": [{"a": "x", "n": "1.00"}, {"a": null, "n": "10.00"}], "next": "7"});
        assert_eq!(
            page(&items, &["a", "n"], &["n"]),
            "a      n\nx   1.00\n-  10.00\nmore with --cursor 7\n"
        );
    }

    #[test]
    fn fields_stand_one_a_line() {
        let object = json!({"code": "c", "list": ["a", "b"], "on": true});
        assert_eq!(
            fields(&object, &["code", "list", "on", "off"]),
            "code  c\nlist  a, b\non    yes\noff   -\n"
        );
    }
}
