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
    ZipEntry entry = new ZipEntry(name);
    entry.setTime(ZIP_EPOCH);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(Files.size(file));
    entry.setCrc(crc.getValue());
    zip.putNextEntry(entry);
    Files.copy(file, zip);
    zip.closeEntry();
  }
}
