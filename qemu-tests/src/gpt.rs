//! Partition tables of test disks.

use std::{fs::File, ops::Range, path::Path};

use anyhow::{Context as _, Result};
use gptman::{GPT, GPTPartitionEntry};

const SECTOR: u64 = 512;
/// Linux filesystem data.
const LINUX: [u8; 16] =
    [0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4];

/// The bytes of the partition called `name`.
pub(crate) fn find(disk: &Path, name: &str) -> Result<Range<u64>> {
    let gpt = GPT::find_from(&mut File::open(disk)?)
        .with_context(|| format!("{} has no partition table", disk.display()))?;
    let mut used = gpt.iter().map(|(_, partition)| partition).filter(|partition| partition.is_used());
    let found = used
        .find(|partition| partition.partition_name.as_str() == name)
        .with_context(|| format!("{} has no partition named {name}", disk.display()))?;
    Ok(found.starting_lba * SECTOR..(found.ending_lba + 1) * SECTOR)
}

/// Gives the disk a partition table with one partition called `name`, from its first MiB to its end.
pub(crate) fn create(disk: &Path, name: &str) -> Result<Range<u64>> {
    let mut file = File::options().read(true).write(true).open(disk)?;
    // The GUIDs need only differ from disk to disk; the path's do.
    let (disk_guid, partition_guid) = (guid(disk, 1), guid(disk, 2));
    let mut gpt = GPT::new_from(&mut file, SECTOR, disk_guid)?;
    let starting_lba = (1 << 20) / SECTOR;
    let ending_lba = gpt.header.last_usable_lba;
    gpt[1] = GPTPartitionEntry {
        partition_type_guid: LINUX,
        unique_partition_guid: partition_guid,
        starting_lba,
        ending_lba,
        attribute_bits: 0,
        partition_name: name.into(),
    };
    GPT::write_protective_mbr_into(&mut file, SECTOR)?;
    gpt.write_into(&mut file)?;
    Ok(starting_lba * SECTOR..(ending_lba + 1) * SECTOR)
}

fn guid(disk: &Path, number: u8) -> [u8; 16] {
    use sha2::{Digest as _, Sha256};
    let hash =
        Sha256::new().chain_update(disk.as_os_str().as_encoded_bytes()).chain_update([number]).finalize();
    let mut guid = [0; 16];
    guid.copy_from_slice(hash.get(..16).unwrap_or(&[0; 16]));
    guid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_found_where_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        File::create(&path).unwrap().set_len(64 << 20).unwrap();
        assert!(find(&path, "DOCKOS_STATE").is_err());
        let made = create(&path, "DOCKOS_STATE").unwrap();
        assert_eq!(find(&path, "DOCKOS_STATE").unwrap(), made);
        assert_eq!(made.start, 1 << 20);
    }
}
