//! One look at a screen: an RFB client that asks for one raw picture and makes it small as it comes, so that it never
//! has the whole. What a tenant's server sends is bounded in size; in time, by the caller.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// The version of RFB.
const VERSION: &[u8; 12] = b"RFB 003.008\n";
/// The longest side of a screen.
const MOST_SIDE: u16 = 8192;
/// Points of a screen; three screens of 4K.
const MOST_POINTS: u64 = 32 << 20;
/// Bytes of names and clipboards, which are skipped.
const MOST_TEXT: u32 = 1 << 20;
/// Messages before the picture is there.
const MOST_MESSAGES: usize = 64;
/// Bytes that are read at once.
const BUFFER: usize = 32 << 10;
/// 16 bits for each point, little-endian, 5-6-5: half of what screens usually have.
const PIXEL_FORMAT: [u8; 20] = [0, 0, 0, 0, 16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0, 0, 0, 0];
/// SetEncodings: raw only.
const RAW: [u8; 8] = [2, 0, 0, 1, 0, 0, 0, 0];
/// How many security types a server may offer.
const NONE: u8 = 1;

/// A small picture, three bytes for each point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Points in a row.
    pub(super) width: u16,
    /// Rows.
    pub(super) height: u16,
    /// Red, green and blue of each.
    pub(super) bytes: Vec<u8>,
}

/// Looks at a screen once; the picture is at most so wide and high.
pub(super) async fn look<S>(stream: S, most: (u16, u16)) -> io::Result<Picture>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::with_capacity(BUFFER, stream);
    let (width, height) = greet(&mut stream).await?;
    let mut request = [PIXEL_FORMAT.as_slice(), &RAW, &[3, 0, 0, 0, 0, 0]].concat();
    request.extend(width.to_be_bytes());
    request.extend(height.to_be_bytes());
    stream.write_all(&request).await?;
    let mut small = Small::new((width, height), most);
    for _ in 0..MOST_MESSAGES {
        match stream.read_u8().await? {
            0 => update(&mut stream, &mut small).await?,
            1 => {
                let _first = (stream.read_u8().await?, stream.read_u16().await?);
                let count = stream.read_u16().await?;
                skip(&mut stream, u32::from(count) * 6).await?;
            }
            2 => {}
            3 => {
                skip(&mut stream, 3).await?;
                let length = stream.read_u32().await?;
                skip(&mut stream, length).await?;
            }
            _ => return Err(bad("a message that is not known")),
        }
        if small.is_whole() {
            return Ok(small.finish());
        }
    }
    Err(bad("no picture"))
}

fn bad(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// From the first byte to the size of the screen.
async fn greet<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> io::Result<(u16, u16)> {
    let mut version = [0; VERSION.len()];
    stream.read_exact(&mut version).await?;
    if !version.starts_with(b"RFB 003.") {
        return Err(bad("no RFB server"));
    }
    stream.write_all(VERSION).await?;
    let count = stream.read_u8().await?;
    let mut types = vec![0; usize::from(count)];
    stream.read_exact(&mut types).await?;
    if !types.contains(&NONE) {
        return Err(bad("it wants a password"));
    }
    stream.write_all(&[NONE]).await?;
    if stream.read_u32().await? != 0 {
        return Err(bad("it refuses"));
    }
    // Shared: nobody else is sent away.
    stream.write_all(&[1]).await?;
    let (width, height) = (stream.read_u16().await?, stream.read_u16().await?);
    if !(1..=MOST_SIDE).contains(&width) || !(1..=MOST_SIDE).contains(&height) {
        return Err(bad("a screen of no size"));
    }
    skip(stream, 16).await?;
    let name = stream.read_u32().await?;
    skip(stream, name).await?;
    Ok((width, height))
}

async fn skip<S: AsyncRead + Unpin>(stream: &mut S, length: u32) -> io::Result<()> {
    if length > MOST_TEXT {
        return Err(bad("a text of no length"));
    }
    let mut part = [0; 512];
    let mut rest = usize::try_from(length).unwrap_or(0);
    while rest > 0 {
        let now = rest.min(part.len());
        stream.read_exact(&mut part[..now]).await?;
        rest -= now;
    }
    Ok(())
}

/// A FramebufferUpdate, whose rectangles are all raw.
async fn update<S: AsyncRead + Unpin>(stream: &mut S, small: &mut Small) -> io::Result<()> {
    skip(stream, 1).await?;
    let rectangles = stream.read_u16().await?;
    let mut row = Vec::new();
    for _ in 0..rectangles {
        let (x, y) = (stream.read_u16().await?, stream.read_u16().await?);
        let (width, height) = (stream.read_u16().await?, stream.read_u16().await?);
        if stream.read_i32().await? != 0 {
            return Err(bad("an encoding that was not asked for"));
        }
        if !small.has(x, y, width, height) {
            return Err(bad("a rectangle of no size, or beyond the screen"));
        }
        row.resize(usize::from(width) * 2, 0);
        for below in 0..height {
            stream.read_exact(&mut row).await?;
            small.add(x, y + below, &row);
        }
    }
    Ok(())
}

/// A picture that becomes small: each of its points is the mean of those of the screen that fall on it.
struct Small {
    screen: (u16, u16),
    size: (u16, u16),
    sums: Vec<[u32; 4]>,
    columns: Vec<u16>,
    points: u64,
    wanted: u64,
}

impl Small {
    fn new(screen: (u16, u16), most: (u16, u16)) -> Self {
        let size = fit(screen, most);
        let columns = (0..screen.0).map(|x| scaled(x, screen.0, size.0)).collect();
        let sums = vec![[0; 4]; usize::from(size.0) * usize::from(size.1)];
        let wanted = u64::from(screen.0) * u64::from(screen.1);
        Self { screen, size, sums, columns, points: 0, wanted }
    }

    /// Whether a rectangle is on the screen, and does not come again and again. Raw ones always have points: rows without
    /// any would cost time, and no byte of the server's.
    fn has(&mut self, x: u16, y: u16, width: u16, height: u16) -> bool {
        self.points += u64::from(width) * u64::from(height);
        let is_in = |at: u16, length: u16, end: u16| at.checked_add(length).is_some_and(|last| last <= end);
        width > 0
            && height > 0
            && is_in(x, width, self.screen.0)
            && is_in(y, height, self.screen.1)
            && self.points <= MOST_POINTS.max(self.wanted)
    }

    fn is_whole(&self) -> bool {
        self.points >= self.wanted
    }

    fn add(&mut self, x: u16, y: u16, row: &[u8]) {
        let start = usize::from(scaled(y, self.screen.1, self.size.1)) * usize::from(self.size.0);
        let columns = self.columns.iter().skip(usize::from(x));
        for (point, column) in row.chunks_exact(2).zip(columns) {
            let value = u16::from_le_bytes([point[0], point[1]]);
            let [red, green, blue] = [value >> 11, value >> 5 & 63, value & 31].map(u32::from);
            let Some(sum) = self.sums.get_mut(start + usize::from(*column)) else { continue };
            let more = [red * 255 / 31, green * 255 / 63, blue * 255 / 31, 1];
            for (sum, more) in sum.iter_mut().zip(more) {
                *sum = sum.saturating_add(more);
            }
        }
    }

    fn finish(self) -> Picture {
        let mean = |sum: u32, count: u32| u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX);
        let bytes = self
            .sums
            .iter()
            .flat_map(|[red, green, blue, count]| [red, green, blue].map(|sum| mean(*sum, *count)));
        Picture { width: self.size.0, height: self.size.1, bytes: bytes.collect() }
    }
}

/// The largest size of the same shape within another; none is made larger.
fn fit((width, height): (u16, u16), most: (u16, u16)) -> (u16, u16) {
    let (w, h) = (u32::from(width), u32::from(height));
    let (most_w, most_h) = (u32::from(most.0), u32::from(most.1));
    let (w, h) = match () {
        () if w <= most_w && h <= most_h => (w, h),
        () if w * most_h > h * most_w => (most_w, h * most_w / w),
        () => (w * most_h / h, most_h),
    };
    let side = |length: u32| u16::try_from(length.max(1)).unwrap_or(1);
    (side(w), side(h))
}

fn scaled(at: u16, from: u16, to: u16) -> u16 {
    u16::try_from(u32::from(at) * u32::from(to) / u32::from(from.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How a raw rectangle at the left begins.
    fn rectangle(y: u16, width: u16, height: u16) -> Vec<u8> {
        [0, y, width, height, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect()
    }

    /// What a server of one colour sends, in two rectangles.
    fn server(width: u16, height: u16, colour: u16) -> Vec<u8> {
        let mut sent = b"RFB 003.008\n\x01\x01\0\0\0\0".to_vec();
        sent.extend(width.to_be_bytes());
        sent.extend(height.to_be_bytes());
        sent.extend([0; 16]);
        sent.extend([0, 0, 0, 4]);
        sent.extend(b"name\x02");
        sent.extend([3, 0, 0, 0, 0, 0, 0, 2, b'h', b'i']);
        let upper = height / 2;
        let parts = [(0, upper), (upper, height - upper)].into_iter().filter(|(_, rows)| *rows > 0);
        sent.extend([0, 0, 0, if upper > 0 { 2 } else { 1 }]);
        for (y, rows) in parts {
            sent.extend(rectangle(y, width, rows));
            (0..u32::from(width) * u32::from(rows)).for_each(|_| sent.extend(colour.to_le_bytes()));
        }
        sent
    }

    async fn look_at(sent: &[u8]) -> io::Result<Picture> {
        let both = tokio::io::join(sent, tokio::io::sink());
        look(both, (320, 200)).await
    }

    #[tokio::test]
    async fn a_screen_becomes_small_and_keeps_its_colour_and_shape() {
        let picture = look_at(&server(1280, 800, 0xf800)).await.unwrap();
        assert_eq!((picture.width, picture.height), (320, 200));
        assert!(picture.bytes.chunks(3).all(|point| point == [255, 0, 0]));
        let tall = look_at(&server(300, 600, 0x001f)).await.unwrap();
        assert_eq!((tall.width, tall.height), (100, 200));
        let tiny = look_at(&server(1, 1, 0xffff)).await.unwrap();
        assert_eq!(tiny.bytes, [255, 255, 255]);
    }

    #[tokio::test]
    async fn what_is_cut_or_wrong_is_refused() {
        let good = server(64, 40, 1);
        for end in 0..good.len() {
            assert!(look_at(&good[..end]).await.is_err(), "cut at {end}");
        }
        let wrong = |at: usize, byte: u8| {
            let mut sent = good.clone();
            sent[at] = byte;
            sent
        };
        for (name, sent) in [
            ("no RFB", wrong(0, b'X')),
            ("a password", wrong(13, 2)),
            ("refused", wrong(17, 1)),
            ("no width", server(0, 40, 1)),
            ("a long name", wrong(38, 0xff)),
            ("beyond the screen", wrong(good.len() - 64 * 20 * 2 - 12, 1)),
            ("another encoding", wrong(good.len() - 64 * 20 * 2 - 1, 7)),
        ] {
            assert!(look_at(&sent).await.is_err(), "{name}");
        }
    }

    #[tokio::test]
    async fn rectangles_without_points_are_refused() {
        let good = server(1, 8192, 1);
        let picture = good.len() - 2 * 8192 - 2 * 12 - 4;
        for (width, height) in [(0, 8192), (1, 0), (0, 0)] {
            let none = [vec![0, 0, 0, 1], rectangle(0, width, height)].concat();
            let sent = [&good[..picture], &none, &good[picture..]].concat();
            assert!(look_at(&sent).await.is_err(), "{width}x{height}");
        }
        assert!(look_at(&good).await.is_ok());
    }

    proptest! {
        #[test]
        fn garbage_is_bounded(garbage: Vec<u8>, after in 0..80_usize) {
            let mut sent = server(32, 20, 3);
            sent.truncate(after);
            sent.extend(garbage);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(look_at(&sent));
        }
    }
}
