//! Machines on one segment reach each other and the room's own network, until they are cut off: the harness itself.

use anyhow::Result;
use qemu_tests::{Machine, Nic, READY, Room, Segment};

#[test]
fn machines_share_a_segment() -> Result<()> {
    let (room, segment) = (Room::new()?, Segment::new()?);
    let uplink = segment.uplink("net=10.0.7.0/24,dhcpstart=10.0.7.50")?;
    let start = |name: &str, model: &str| {
        let nics = [Nic::on(&segment).model(model), Nic::user()];
        Machine::new(name)
            .memory(1024)
            .nics(&nics)
            .smbios(name, "01234567-89ab-cdef-0123-456789abcdef")
            .start_in(&room)
    };
    let (one, two) = (start("segment-one", "virtio-net-pci")?, start("segment-two", "e1000")?);
    one.wait_ready(READY)?;
    two.wait_ready(READY)?;
    assert_eq!(one.check("cat /sys/class/dmi/id/product_serial")?, "segment-one");
    let address = "ip -4 addr | sed -n 's:.*inet \\(10.0.7.[0-9]*\\)/.*:\\1:p'";
    let (first, second) = (one.check(address)?, two.check(address)?);
    assert!(
        first.starts_with("10.0.7.5") && second.starts_with("10.0.7.5") && first != second,
        "{first} {second}"
    );
    one.check(&format!("ping -c 3 -W 5 {second}"))?;
    two.check("ping -c 1 -W 5 10.0.7.2")?;
    two.check("head -c 20000000 /dev/zero > /tmp/file; busybox httpd -p 8000 -h /tmp")?;
    assert_eq!(one.check(&format!("busybox wget -q -O - http://{second}:8000/file | wc -c"))?, "20000000");

    segment.unplug("segment-two")?;
    assert_ne!(one.run(&format!("ping -c 1 -W 2 {second}"))?.status, 0, "a machine that is cut off answers");
    segment.plug("segment-two")?;
    one.check(&format!("ping -c 3 -W 5 {second}"))?;
    drop(uplink);
    assert_ne!(one.run("ping -c 1 -W 2 10.0.7.2")?.status, 0, "a network that is gone answers");
    two.poweroff()?;
    one.poweroff()
}
