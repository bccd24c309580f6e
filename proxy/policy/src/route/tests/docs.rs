//! The tables of docs/routing.md.

use super::*;
use crate::route::{RewriteSpec, rewrite};

/// The cells of the rows of the table that has this head.
fn table(head: &str) -> Vec<Vec<String>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/routing.md");
    let text = std::fs::read_to_string(file).unwrap();
    let rows: Vec<Vec<String>> = text
        .lines()
        .skip_while(|line| *line != head)
        .skip(2)
        .map_while(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|row| row.split('|').map(|cell| cell.trim().to_string()).collect())
        .collect();
    assert!(!rows.is_empty(), "no table under {head}");
    rows
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_paths_of_the_example_go_where_its_table_says() {
    let names = ["the fixed answer", "web", "api", "files", "assets"];
    let router = paths(&["= /lb-health", "/", "/api", "^~ /api/files", "*.js,*.css"]);
    for row in table("| path | goes to | because |") {
        let route = position(get(&router, quoted(&row[0])[0])).unwrap();
        assert_eq!(names[route], row[1], "{row:?}");
    }
}

#[test]
fn the_paths_that_may_be_disguises_fare_as_their_table_says() {
    let router = paths(&["/", "/public", "/private"]);
    for row in table("| path | outcome |") {
        for path in quoted(&row[0]) {
            match (row[1].strip_prefix("400 "), get(&router, path)) {
                (Some(why), Outcome::Refused(fault)) => {
                    assert_eq!(quoted(why)[0], fault.to_string(), "{path}");
                }
                (None, Outcome::Route(_)) => assert!(row[1].starts_with("goes on"), "{path}"),
                (_, outcome) => panic!("{path}: {outcome:?}"),
            }
        }
    }
}

#[test]
fn the_names_of_faults_are_those_in_use() {
    let known: Vec<&str> = PathFault::ALL.iter().map(|fault| fault.name()).collect();
    for row in table("| name | path |") {
        assert!(known.contains(&quoted(&row[0])[0]), "{row:?}");
    }
}

#[test]
fn rewrites_make_what_their_table_says() {
    let strip = RewriteSpec::StripPrefix("/api".into());
    let replace = RewriteSpec::ReplacePrefix("/api".into(), "/v1".into());
    for row in table("| path | `strip_prefix: /api` | `replace_prefix: /v1` |") {
        let path = quoted(&row[0])[0];
        assert_eq!(rewrite(path, &strip), quoted(&row[1])[0]);
        assert_eq!(rewrite(path, &replace), quoted(&row[2])[0]);
    }
}
