//! Config that the (virtual) firmware carries: QEMU's fw_cfg, and the serial number of its SMBIOS.

use std::fs;
use std::path::Path;

use dockos_control::error::{Context, Result};

use super::media::read_bounded;

/// `-fw_cfg name=opt/dockos/cloud-config,file=FILE`.
const FW_CFG: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/dockos/cloud-config/raw";
/// `-smbios type=1,serial=ds=nocloud;s=URL`.
const SERIAL: &str = "/sys/class/dmi/id/product_serial";

/// The user-data that QEMU was given.
pub(super) fn user_data() -> Result<Option<Vec<u8>>> {
    read_bounded(Path::new(FW_CFG)).context(|| "read fw_cfg".to_owned())
}

/// The machine's serial number.
pub(super) fn serial() -> Option<String> {
    fs::read_to_string(SERIAL).ok()
}
