package ai.seedcore.serve.daemon.pack;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes zips whose bytes depend on nothing but the names and contents of their files. */
final class Zips {

  /** The earliest time that a zip can hold, so that the same files result in the same bytes. */
  private static final long ZIP_EPOCH = 315_619_200_000L;

  private Zips() {}

  /** Adds a file without compression. Jars are compressed already, and replicas start sooner. */
  static void add(ZipOutputStream zip, String name, Path file) throws IOException {
    CRC32 crc = new CRC32();
    try (InputStream in = new CheckedInputStream(Files.newInputStream(file), crc)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    zip.putNextEntry(entry(name, Files.size(file), crc));
    Files.copy(file, zip);
    zip.closeEntry();
  }

  /** Adds a file with this content. */
  static void add(ZipOutputStream zip, String name, byte[] content) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(content);
    zip.putNextEntry(entry(name, content.length, crc));
    zip.write(content);
    zip.closeEntry();
  }

  private static ZipEntry entry(String name, long size, CRC32 crc) {
    ZipEntry entry = new ZipEntry(name);
    entry.setTime(ZIP_EPOCH);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(size);
    entry.setCrc(crc.getValue());
    return entry;
  }
}
