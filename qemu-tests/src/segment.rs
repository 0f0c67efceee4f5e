//! An isolated network segment: a switch in this process to which machines are wired by unix sockets. No root is needed,
//! nothing of the host's network is touched, and no frame is lost.

mod switch;
mod uplink;

use std::{
    io::{BufReader, Read, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use switch::Switch;
pub use uplink::Uplink;

/// No frame that QEMU sends is longer.
const LONGEST: usize = 128 << 10;

/// A network segment; clones are the same one. [`crate::Nic::on`] makes a card on it.
#[derive(Debug, Clone)]
pub struct Segment(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: TempDir,
    switch: Arc<Mutex<Switch>>,
    /// Bytes per second that go to a machine; 0: all that come.
    speed: Arc<AtomicU64>,
}

impl Segment {
    /// A segment to which nothing is wired.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("dockos-segment-").tempdir()?;
        Ok(Self(Arc::new(Inner { folder, switch: Arc::default(), speed: Arc::default() })))
    }

    /// Cuts a machine off without its noticing: its link stays up, and no frame passes.
    /// (`vm.qmp().set_link(false)` pulls the cable at the machine's end.)
    pub fn unplug(&self, machine: &str) -> Result<()> {
        self.set_plugged(machine, false)
    }

    /// Undoes [`Segment::unplug`].
    pub fn plug(&self, machine: &str) -> Result<()> {
        self.set_plugged(machine, true)
    }

    /// Lets at most so many bytes per second through to each machine; 0 takes the limit away. It holds at once.
    pub fn limit_speed(&self, bytes_per_second: u64) {
        self.0.speed.store(bytes_per_second, Ordering::Relaxed);
    }

    fn set_plugged(&self, machine: &str, plugged: bool) -> Result<()> {
        let found = lock(&self.0.switch).set_plugged(machine, plugged);
        ensure!(found, "the machine {machine} is not on this segment");
        Ok(())
    }

    /// A new port for a machine: the path of the socket that QEMU is to connect to, once.
    pub(crate) fn port(&self, machine: &str) -> Result<PathBuf> {
        Ok(self.add_port(machine)?.1)
    }

    /// As [`Segment::port`], with the port's number at the switch: a machine that was just taken away may still be
    /// there by its name.
    fn add_port(&self, machine: &str) -> Result<(usize, PathBuf)> {
        let (sender, frames) = channel();
        let waiting = Arc::<AtomicUsize>::default();
        let id = lock(&self.0.switch).add(machine, sender, Arc::clone(&waiting));
        let path = self.0.folder.path().join(format!("port{id}"));
        let listener =
            UnixListener::bind(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let (switch, speed) = (Arc::clone(&self.0.switch), Arc::clone(&self.0.speed));
        thread::spawn(move || {
            if let Ok((stream, _)) = listener.accept() {
                lock(&switch).connect(id);
                // The end of the connection is the end of the machine.
                let cable = Cable { frames, waiting, speed };
                let _ = carry(stream, &switch, id, cable);
            }
            lock(&switch).remove(id);
        });
        Ok((id, path))
    }
}

fn lock(switch: &Mutex<Switch>) -> MutexGuard<'_, Switch> {
    switch.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What leads to a machine: frames, their bytes that wait, and how fast they may go.
struct Cable {
    frames: Receiver<Arc<[u8]>>,
    waiting: Arc<AtomicUsize>,
    speed: Arc<AtomicU64>,
}

/// Carries frames in both directions until the machine is gone.
fn carry(stream: UnixStream, switch: &Mutex<Switch>, id: usize, cable: Cable) -> Result<()> {
    let outwards = stream.try_clone()?;
    thread::spawn(move || cable.send(outwards));
    let mut reader = BufReader::with_capacity(256 << 10, stream);
    let mut frame = Vec::new();
    loop {
        receive(&mut reader, &mut frame)?;
        lock(switch).forward(id, &frame);
    }
}

/// Reads one frame: four bytes of length, the highest first, then the frame.
fn receive(source: &mut impl Read, frame: &mut Vec<u8>) -> Result<()> {
    let mut length = [0; 4];
    source.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    ensure!(length <= LONGEST, "a frame of {length} bytes");
    frame.resize(length, 0);
    Ok(source.read_exact(frame)?)
}

impl Cable {
    /// Writes what is given to a port, until the port is removed or the machine gone.
    fn send(self, mut stream: UnixStream) {
        let mut packed = Vec::new();
        for frame in self.frames {
            packed.clear();
            packed.extend_from_slice(&u32::try_from(frame.len()).unwrap_or_default().to_be_bytes());
            packed.extend_from_slice(&frame);
            self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
            let speed = self.speed.load(Ordering::Relaxed);
            if speed > 0 {
                thread::sleep(Duration::from_secs_f64(packed.len() as f64 / speed as f64));
            }
            if stream.write_all(&packed).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn connect(segment: &Segment, machine: &str) -> UnixStream {
        let stream = UnixStream::connect(segment.port(machine).unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }

    fn packed(frame: &[u8]) -> Vec<u8> {
        [&u32::try_from(frame.len()).unwrap().to_be_bytes(), frame].concat()
    }

    #[test]
    fn every_frame_arrives_whole_and_in_order() {
        let segment = Segment::new().unwrap();
        let (mut one, mut two) = (connect(&segment, "one"), connect(&segment, "two"));
        let frame = |number: u32| {
            let length = 60 + usize::try_from(number).unwrap() % 1400;
            [&[0xff; 6][..], &[2; 6], &number.to_be_bytes(), &vec![7; length]].concat()
        };
        let sender = thread::spawn(move || {
            for number in 0..5000 {
                one.write_all(&packed(&frame(number))).unwrap();
            }
            one
        });
        let mut received = Vec::new();
        for number in 0..5000 {
            receive(&mut two, &mut received).unwrap();
            assert_eq!(received, frame(number), "frame {number}");
        }
        sender.join().unwrap();
    }

    #[test]
    fn a_slow_segment_is_slow_until_it_is_not() {
        let segment = Segment::new().unwrap();
        let (mut one, mut two) = (connect(&segment, "one"), connect(&segment, "two"));
        let frame = packed(&[&[0xff; 6][..], &[2; 6], &[7; 1488]].concat());
        let mut seconds = |frames: usize| {
            let start = Instant::now();
            let mut received = Vec::new();
            for _ in 0..frames {
                one.write_all(&frame).unwrap();
            }
            (0..frames).for_each(|_| receive(&mut two, &mut received).unwrap());
            start.elapsed().as_secs_f64()
        };
        segment.limit_speed(150_000);
        assert!(seconds(50) >= 0.5, "50 frames are 75 kB");
        segment.limit_speed(0);
        assert!(seconds(50) < 0.5);
    }

    #[test]
    fn a_machine_that_speaks_nonsense_is_cut_off_alone() {
        let segment = Segment::new().unwrap();
        let (mut one, mut two) = (connect(&segment, "one"), connect(&segment, "two"));
        let mut three = connect(&segment, "three");
        one.write_all(&[0xff; 4]).unwrap();
        assert_eq!(one.read(&mut [0]).unwrap(), 0, "the connection is closed");
        let frame = [[0xff; 6], [2; 6]].concat();
        two.write_all(&packed(&frame)).unwrap();
        let mut received = Vec::new();
        receive(&mut three, &mut received).unwrap();
        assert_eq!(received, frame);
        assert!(segment.unplug("one").is_err() && segment.unplug("two").is_ok());
    }
}
