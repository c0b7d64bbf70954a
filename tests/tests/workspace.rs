//! Which crate may depend on which: the architecture, held by what Cargo says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each crate of the workspace may use of it, beside its tests. `bench` and the tests may use all.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("sightline-proto", &[]),
    ("sightline-media", &[]),
    ("sightline-cli", &[]),
    ("sightline-bus", &["sightline-proto"]),
    (
        "sightline-publisher",
        &[
            "sightline-bus",
            "sightline-cli",
            "sightline-media",
            "sightline-proto",
        ],
    ),
    (
        "sightline-relay",
        &[
            "sightline-bus",
            "sightline-cli",
            "sightline-media",
            "sightline-proto",
        ],
    ),
    (
        "sightline",
        &[
            "sightline-bus",
            "sightline-cli",
            "sightline-proto",
            "sightline-publisher",
            "sightline-relay",
        ],
    ),
];

/// Crates that nothing else may depend on: they may see everything.
const OUTSIDE: [&str; 3] = ["sightline-tests", "sightline-tests-v4l2", "sightline-bench"];

#[test]
fn dependencies_point_one_way() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let members: BTreeMap<String, BTreeSet<String>> = metadata
        .packages
        .iter()
        .map(|package| {
            let uses = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.path.is_some())
                .filter(|dependency| dependency.kind != DependencyKind::Development)
                .map(|dependency| dependency.name.clone())
                .collect();
            (package.name.to_string(), uses)
        })
        .collect();
    for (name, uses) in &members {
        if OUTSIDE.contains(&name.as_str()) {
            continue;
        }
        let (_, allowed) = ALLOWED
            .iter()
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| {
                panic!("{name} is new: say what it may use, here and in ARCHITECTURE.md")
            });
        for used in uses {
            assert!(
                allowed.contains(&used.as_str()),
                "{name} must not use {used}"
            );
        }
    }
    assert!(ALLOWED.iter().all(|(name, _)| members.contains_key(*name)));
}

#[test]
fn the_contract_and_the_formats_do_no_input_or_output() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    for name in ["sightline-proto", "sightline-media"] {
        let package = metadata
            .packages
            .iter()
            .find(|p| p.name.as_str() == name)
            .unwrap();
        for dependency in &package.dependencies {
            let kind = dependency.kind;
            assert!(
                kind != DependencyKind::Normal || dependency.name != "tokio",
                "{name} uses an async runtime"
            );
        }
    }
}
