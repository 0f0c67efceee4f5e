//! `out/sbom.spdx.json`: the SPDX 2.3 list of all software in the image, for scanners.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    lock::Locked,
    programs::{self, cargo},
    progress::missing,
    project::Project,
    rootfs::Record,
    stamp::{self, Inputs},
    util::{rfc3339, sha256, write_atomic},
};

/// The part of `cargo metadata` that is looked at.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Crate>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Crate {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

/// Writes the list if the packages or our programs' crates changed.
pub(crate) fn write(project: &Project, record: &Record, kernel: &Locked) -> Result<()> {
    let mut inputs = Inputs::default()
        .value("record", &serde_json::to_string(record)?)
        .value("kernel", &kernel.version)
        .file(&project.root.join("Cargo.lock"))?
        .folder(&project.own("src"))?;
    for program in programs::ALL {
        inputs = inputs.file(&project.root.join(program.folder).join("Cargo.toml"))?;
    }
    let key = inputs.key();
    if stamp::is_fresh(project, "sbom", &key, &["sbom.spdx.json"]) {
        return Ok(());
    }
    let mut packages: Vec<_> = record.packages.iter().map(debian).collect();
    packages.push(debian(kernel));
    packages.extend(crates(project)?.iter().map(rust));
    let mut text = serde_json::to_vec_pretty(&document(project, record.epoch, packages)?)?;
    text.push(b'\n');
    write_atomic(&project.out.join("sbom.spdx.json"), &text)?;
    stamp::mark(project, "sbom", &key, &["sbom.spdx.json"])
}

fn document(project: &Project, epoch: u64, mut packages: Vec<Value>) -> Result<Value> {
    let version = project.version();
    packages.insert(
        0,
        json!({
            "SPDXID": "SPDXRef-DockOS",
            "name": "DockOS",
            "versionInfo": version,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
            "primaryPackagePurpose": "OPERATING-SYSTEM",
        }),
    );
    let mut relations = vec![relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-DockOS")];
    let contained = packages.iter().skip(1).filter_map(|package| package["SPDXID"].as_str());
    relations.extend(contained.map(|id| relation("SPDXRef-DockOS", "CONTAINS", id)));
    let hash = sha256(&serde_json::to_vec(&packages)?);
    Ok(json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("DockOS {version}"),
        "documentNamespace": format!("https://spdx.org/spdxdocs/dockos-{version}-{hash}"),
        "creationInfo": { "created": rfc3339(epoch), "creators": [format!("Tool: dockos-buildroot-{version}")] },
        "packages": packages,
        "relationships": relations,
    }))
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

fn debian(package: &Locked) -> Value {
    let Locked { name, version, arch, source, sha256 } = package;
    let escape = |text: &str| text.replace('%', "%25").replace('+', "%2B").replace(':', "%3A");
    let purl = format!("pkg:deb/debian/{}@{}?arch={arch}&distro=debian-13", escape(name), escape(version));
    json!({
        "SPDXID": id("deb", name, version),
        "name": name,
        "versionInfo": version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "sourceInfo": format!("built from the Debian source package {source}"),
        "checksums": [{ "algorithm": "SHA256", "checksumValue": sha256 }],
        "externalRefs": [reference(&purl)],
    })
}

fn rust(package: &Crate) -> Value {
    let Crate { name, version, license, .. } = package;
    json!({
        "SPDXID": id("crate", name, version),
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseDeclared": license.as_deref().unwrap_or("NOASSERTION").replace('/', " OR "),
        "externalRefs": [reference(&format!("pkg:cargo/{name}@{version}"))],
    })
}

fn reference(purl: &str) -> Value {
    json!({ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl })
}

/// An SPDX id: letters, digits, dots and hyphens only.
fn id(kind: &str, name: &str, version: &str) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    format!("SPDXRef-{kind}-{name}-{version}").chars().map(clean).collect()
}

/// Our programs' crates and all that is linked into them, sorted.
fn crates(project: &Project) -> Result<Vec<Crate>> {
    let output = cargo(project)
        .args(["metadata", "--locked", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu"])
        .output()
        .with_context(|| missing("cargo"))?;
    if !output.status.success() {
        bail!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let Metadata { packages, resolve } =
        serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata says")?;
    let mut roots = Vec::new();
    for program in programs::ALL {
        let root = packages.iter().find(|package| package.name == program.package);
        let root = root.with_context(|| format!("the workspace has no crate {}", program.package))?;
        roots.push(root.id.clone());
    }
    let linked = linked(roots, &resolve);
    let mut crates: Vec<_> = packages.into_iter().filter(|package| linked.contains(&package.id)).collect();
    crates.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(crates)
}

/// The ids reached from the roots by normal dependencies; those of build scripts and tests are not in the binaries.
fn linked(roots: Vec<String>, resolve: &Resolve) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut pending = roots;
    while let Some(id) = pending.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let node = resolve.nodes.iter().find(|node| node.id == id);
        let normal = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        pending
            .extend(node.into_iter().flat_map(|node| &node.deps).filter(normal).map(|dep| dep.pkg.clone()));
    }
    seen
}
