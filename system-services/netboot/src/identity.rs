//! Who asks: what the query of a request says of a machine.

use std::fmt;

use dockos_config::{MachineMac, MachineSerial, MachineUuid, ValueError};
use percent_encoding::percent_decode_str;

/// Network cards of one machine that are looked at.
const MOST_MACS: usize = 16;
/// Letters of a value.
const MOST_LETTERS: usize = 100;

/// What a machine is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The addresses of its cards.
    pub(crate) macs: Vec<MachineMac>,
    /// Its serial number, if it has one of its own.
    pub(crate) serial: Option<MachineSerial>,
    /// Its UUID, if it has one of its own.
    pub(crate) uuid: Option<MachineUuid>,
}

impl Identity {
    /// Reads a query. What is no MAC, such as the 20 bytes of an InfiniBand card, is left out as are serial numbers and
    /// UUIDs that many machines have; it is an error only where nothing else tells the machine.
    pub(crate) fn from_query(query: &str) -> Result<Self, String> {
        let mut identity = Self::default();
        let mut wrong = None;
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let Ok(value) = percent_decode_str(value).decode_utf8() else {
                wrong.get_or_insert(format!("{key}: not UTF-8"));
                continue;
            };
            let value = value.trim();
            if value.is_empty() || value.len() > MOST_LETTERS {
                continue;
            }
            match key {
                "mac" => match value.parse() {
                    Ok(mac) => identity.add_mac(mac),
                    Err(ValueError { message, .. }) => _ = wrong.get_or_insert(message),
                },
                "serial" => identity.serial = value.parse().ok(),
                "uuid" => identity.uuid = value.parse().ok(),
                _ => {}
            }
        }
        match wrong {
            Some(why) if identity.is_empty() => Err(why),
            _ => Ok(identity),
        }
    }

    /// Adds a card's address, if there is room for it.
    fn add_mac(&mut self, mac: MachineMac) {
        if !self.macs.contains(&mac) && self.macs.len() < MOST_MACS {
            self.macs.push(mac);
        }
    }

    /// Whether both are of one machine: they have more in common than not. A card that was moved, or a serial number or a
    /// UUID that two mainboards have, does not make one machine of two.
    pub(crate) fn is_one_with(&self, other: &Self) -> bool {
        let have_macs = !self.macs.is_empty() && !other.macs.is_empty();
        let mac = have_macs.then(|| self.macs.iter().any(|mac| other.macs.contains(mac)));
        let serial = self.serial.as_ref().zip(other.serial.as_ref()).map(|(own, other)| own == other);
        let uuid = self.uuid.zip(other.uuid).map(|(own, other)| own == other);
        let all = [mac, serial, uuid];
        let count = |wanted| all.iter().filter(|same| **same == Some(wanted)).count();
        count(true) > count(false)
    }

    /// Takes over what another request of the same machine said besides.
    pub(crate) fn complete(&mut self, other: &Self) {
        other.macs.iter().for_each(|mac| self.add_mac(*mac));
        self.serial = self.serial.take().or_else(|| other.serial.clone());
        self.uuid = self.uuid.or(other.uuid);
    }

    /// Whether nothing is known.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a screen calls the machine.
    pub(crate) fn name(&self) -> String {
        let mac = self.macs.first().map(ToString::to_string);
        let serial = || self.serial.as_ref().map(ToString::to_string);
        let uuid = || self.uuid.map(|uuid| uuid.to_string());
        mac.or_else(serial).or_else(uuid).unwrap_or_else(|| "this machine".to_owned())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let macs = self.macs.iter().map(|mac| format!("mac {mac}"));
        let serial = self.serial.iter().map(|serial| format!("serial {serial}"));
        let uuid = self.uuid.iter().map(|uuid| format!("uuid {uuid}"));
        if self.is_empty() {
            return f.write_str("this machine says nothing of itself");
        }
        f.write_str(&macs.chain(serial).chain(uuid).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_query_tells_who_asks() {
        let query =
            "mac=52-54-00-12-34-56&mac=525400123457&mac=52:54:00:12:34:56&serial=PF%203X&uuid=&x=y&junk";
        let identity = Identity::from_query(query).unwrap();
        assert_eq!(identity.to_string(), "mac 52:54:00:12:34:56, mac 52:54:00:12:34:57, serial PF 3X");
        assert_eq!(identity.name(), "52:54:00:12:34:56");
        let junk =
            Identity::from_query("mac=&serial=Default%20string&uuid=00000000-0000-0000-0000-000000000000");
        assert!(junk.unwrap().is_empty());
    }

    #[test]
    fn what_is_no_mac_is_said() {
        for query in [
            "mac=../../etc",
            "mac=00-00-00-00-00-00",
            "mac=%00",
            "mac=ff:ff:ff:ff:ff:ff",
            "mac=%ff",
            "mac=52540012345",
        ] {
            assert!(Identity::from_query(query).is_err(), "{query}");
        }
    }

    #[test]
    fn a_card_without_a_mac_does_no_harm_beside_another() {
        let infiniband = "80-00-02-08-fe-80-00-00-00-00-00-00-00-02-c9-03-00-1e-2b-41";
        for (query, shown) in [
            (format!("mac={infiniband}&mac=52-54-00-00-00-01"), "mac 52:54:00:00:00:01"),
            ("mac=00-00-00-00-00-00&serial=PF3X".to_owned(), "serial PF3X"),
            ("mac=%ff&mac=525400000001".to_owned(), "mac 52:54:00:00:00:01"),
        ] {
            assert_eq!(Identity::from_query(&query).unwrap().to_string(), shown, "{query}");
        }
    }

    #[test]
    fn what_has_more_in_common_than_not_is_one_machine() {
        let all = "mac=525400000001&serial=PF3X&uuid=01234567-89ab-cdef-0123-456789abcdef";
        let all = Identity::from_query(all).unwrap();
        for (query, one) in [
            ("mac=525400000001", true),
            ("mac=525400000009&serial=pf-3x&uuid=0123456789abcdef0123456789abcdef", true),
            ("mac=525400000009&serial=pf-3x", false),
            ("mac=525400000009&uuid=0123456789abcdef0123456789abcdef", false),
            ("serial=pf-3x", true),
            ("uuid=0123456789abcdef0123456789abcdef", true),
            ("mac=525400000001&serial=other&uuid=0123456789abcdef0123456789abcdef", true),
            ("mac=525400000001&serial=other", false),
            ("mac=525400000009", false),
            ("serial=pf3x&uuid=1123456789abcdef0123456789abcdef", false),
        ] {
            assert_eq!(all.is_one_with(&Identity::from_query(query).unwrap()), one, "{query}");
        }
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(query in "[a-z=&%0-9\\PC]{0,200}") {
            let _ = Identity::from_query(&query);
        }

        #[test]
        fn what_is_known_is_plain(query in "(mac|serial|uuid)=[0-9a-f:%]{0,40}") {
            if let Ok(identity) = Identity::from_query(&query) {
                prop_assert!(identity.to_string().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            }
        }
    }
}
