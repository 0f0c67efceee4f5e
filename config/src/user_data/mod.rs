//! User-data in all its forms.

mod gzip;

pub(crate) use gzip::gunzip;
