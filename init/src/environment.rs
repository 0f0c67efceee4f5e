//! Variables that the config gives to commands, services, desktops and logins, and the proxies by which they get out.

use std::fs;

use dockos_config::Config;

use crate::machine::Machine;
use dockos_control::error::Context;

/// Read by login shells (see /etc/profile).
const PROFILE: &str = "/etc/profile.d/dockos.sh";

/// The variables of desktops and services: `environment`, and the locale as `LANG`.
pub(crate) fn variables(config: &Config) -> Vec<String> {
    let locale = config.locale.iter().map(|locale| format!("LANG={locale}")).collect();
    with(locale, config.dockos.environment.to_list())
}

/// The proxies, in the names that programs look for.
pub(crate) fn proxies(config: &Config) -> Vec<String> {
    let proxies = &config.dockos.proxies;
    let none = no_proxy(config);
    let values = [
        ("http_proxy", proxies.http.as_ref().map_or("", |url| url.reveal())),
        ("https_proxy", proxies.https.as_ref().map_or("", |url| url.reveal())),
        ("no_proxy", none.as_str()),
    ];
    let given = values.iter().filter(|(_, value)| !value.is_empty());
    given
        .flat_map(|(name, value)| [format!("{name}={value}"), format!("{}={value}", name.to_uppercase())])
        .collect()
}

/// What is reached without a proxy, as programs read it.
pub(crate) fn no_proxy(config: &Config) -> String {
    let names: Vec<&str> = config.dockos.proxies.no_proxy.iter().map(|name| name.as_str()).collect();
    names.join(",")
}

/// The variables of a command, over those that each program has.
pub(crate) fn of_command(own: Vec<String>, config: &Config) -> Vec<String> {
    with(with(own, proxies(config)), variables(config))
}

/// Two lists of `NAME=VALUE`; the second wins.
pub(crate) fn with(mut first: Vec<String>, second: Vec<String>) -> Vec<String> {
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    first.retain(|pair| !second.iter().any(|other| name(other) == name(pair)));
    first.extend(second);
    first
}

/// A variable for everybody to read: the login to a proxy is left out of it.
fn without_login(pair: String) -> String {
    let parts = pair.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)));
    parts.map(|(scheme, host)| format!("{scheme}://{host}")).unwrap_or(pair)
}

/// Writes the files that logins read.
pub(crate) fn apply(machine: &Machine) {
    let config = machine.config();
    let all = with(proxies(&config).into_iter().map(without_login).collect(), variables(&config));
    let (environment, profile) = (lines(&all), exports(&all));
    let locale: String = config.locale.iter().map(|locale| format!("LANG={locale}\n")).collect();
    let _ = fs::create_dir_all("/etc/default");
    let _ = fs::create_dir_all("/etc/profile.d");
    let files = [
        ("/etc/environment", &environment),
        (PROFILE, &profile),
        ("/etc/default/locale", &locale),
        ("/etc/locale.conf", &locale),
    ];
    for (path, text) in files {
        machine.check(fs::write(path, text).context(|| format!("write {path}")));
    }
}

fn lines(pairs: &[String]) -> String {
    pairs.iter().map(|pair| format!("{pair}\n")).collect()
}

/// For a shell: what is no name to it is left out.
fn exports(pairs: &[String]) -> String {
    let is_name = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    };
    let named = pairs.iter().filter_map(|pair| pair.split_once('=')).filter(|(name, _)| is_name(name));
    named.map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', r"'\''"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        dockos_config::parse("test.yml", text).unwrap()
    }

    #[test]
    fn own_variables_go_over_the_machines() {
        let config = config(
            "locale: zh_CN.UTF-8\ndockos: {environment: {LANG: C, PATH: /opt}, proxies: {http: \"http://p:1\", \
             no_proxy: [.lab, 10.0.0.0/8]}}\n",
        );
        assert_eq!(
            of_command(vec!["PATH=/bin".to_owned(), "HOME=/root".to_owned()], &config),
            [
                "HOME=/root",
                "http_proxy=http://p:1",
                "HTTP_PROXY=http://p:1",
                "no_proxy=.lab,10.0.0.0/8",
                "NO_PROXY=.lab,10.0.0.0/8",
                "LANG=C",
                "PATH=/opt"
            ]
        );
    }

    #[test]
    fn no_file_that_all_read_has_a_login() {
        for (pair, shown) in [
            ("http_proxy=http://me:p@ss@proxy.lab:3128/", "http_proxy=http://proxy.lab:3128/"),
            ("http_proxy=http://proxy.lab:3128", "http_proxy=http://proxy.lab:3128"),
            ("no_proxy=.lab,10.0.0.0/8", "no_proxy=.lab,10.0.0.0/8"),
        ] {
            assert_eq!(without_login(pair.to_owned()), shown);
        }
    }

    #[test]
    fn a_value_is_one_word_of_a_shell() {
        let pairs = ["A=it's $(x)", "b.c=1", "1D=2"].map(str::to_owned);
        assert_eq!(exports(&pairs), "export A='it'\\''s $(x)'\n");
    }
}
