//! A small picture of pixels and its PNG.

use crate::LevelsError;

/// Pixels, three bytes each, row by row.
pub(super) struct Raster {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl Raster {
    pub(super) fn new(width: usize, height: usize, colour: [u8; 3]) -> Self {
        Self { width, height, bytes: colour.repeat(width * height) }
    }

    fn set(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        let at = (y * self.width + x) * 3;
        if let (true, Some(pixel)) = (x < self.width, self.bytes.get_mut(at..at + 3)) {
            pixel.copy_from_slice(&colour);
        }
    }

    pub(super) fn fill(&mut self, (left, top): (usize, usize), (width, height): (usize, usize), colour: [u8; 3]) {
        for y in top..top + height {
            (left..left + width).for_each(|x| self.set(x, y, colour));
        }
    }

    pub(super) fn frame(
        &mut self,
        (left, top): (usize, usize),
        (width, height): (usize, usize),
        thick: usize,
        colour: [u8; 3],
    ) {
        self.fill((left, top), (width, thick), colour);
        self.fill((left, top + height - thick), (width, thick), colour);
        self.fill((left, top), (thick, height), colour);
        self.fill((left + width - thick, top), (thick, height), colour);
    }

    pub(super) fn disc(&mut self, (x, y): (usize, usize), radius: usize, colour: [u8; 3]) {
        for row in y.saturating_sub(radius)..=y + radius {
            for column in x.saturating_sub(radius)..=x + radius {
                if row.abs_diff(y).pow(2) + column.abs_diff(x).pow(2) <= radius.pow(2) {
                    self.set(column, row, colour);
                }
            }
        }
    }

    /// As PNG.
    pub(super) fn encode(&self) -> Result<Vec<u8>, LevelsError> {
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side(self.width), side(self.height));
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.bytes)?;
        writer.finish()?;
        Ok(file)
    }
}
