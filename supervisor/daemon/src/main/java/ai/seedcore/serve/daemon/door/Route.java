package ai.seedcore.serve.daemon.door;

import ai.seedcore.serve.daemon.config.Idempotence;

/**
 * Where requests go.
 *
 * @param prefix the path that it begins with
 * @param app the application's name
 * @param declared whether it is one of ours: a Java deployment, which is brought back when it is
 *     lost. Any other is only known from a proxy's table
 * @param idempotence which requests may be sent again that may have been carried out already
 */
record Route(String prefix, String app, boolean declared, Idempotence idempotence) {}
