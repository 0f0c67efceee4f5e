//! For `vm bench-desktops`, in the guest: leads connections to a TCP port on to a unix socket. Built with rustc alone.

use std::{
    env, io,
    net::{Shutdown, TcpListener},
    os::unix::net::UnixStream,
    thread,
};

fn main() -> io::Result<()> {
    let words: Vec<String> = env::args().collect();
    let [_, port, socket] = words.as_slice() else {
        return Err(io::Error::other("usage: bridge PORT SOCKET"));
    };
    for client in TcpListener::bind(format!("0.0.0.0:{port}"))?.incoming() {
        let (mut client, mut screen) = (client?, UnixStream::connect(socket)?);
        client.set_nodelay(true)?;
        let (mut from_client, mut to_screen) = (client.try_clone()?, screen.try_clone()?);
        thread::spawn(move || {
            let _ = io::copy(&mut from_client, &mut to_screen);
            let _ = to_screen.shutdown(Shutdown::Both);
        });
        thread::spawn(move || io::copy(&mut screen, &mut client));
    }
    Ok(())
}
