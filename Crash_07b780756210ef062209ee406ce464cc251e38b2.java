import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

public class Crash_07b780756210ef062209ee406ce464cc251e38b2 {
    static final String base64Bytes = String.join("", "T1BUIFNPKiBpSE5UVFAvMS4xDQpIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAb3N0OiBoDQoNCg==");

    public static void main(String[] args) throws Throwable {
        Crash_07b780756210ef062209ee406ce464cc251e38b2.class.getClassLoader().setDefaultAssertionStatus(true);
        try {
            Method fuzzerInitialize = ai.seedcore.serve.daemon.door.DoorFuzz.class.getMethod("fuzzerInitialize");
            fuzzerInitialize.invoke(null);
        } catch (NoSuchMethodException ignored) {
            try {
                Method fuzzerInitialize = ai.seedcore.serve.daemon.door.DoorFuzz.class.getMethod("fuzzerInitialize", String[].class);
                fuzzerInitialize.invoke(null, (Object) args);
            } catch (NoSuchMethodException ignored1) {
            } catch (IllegalAccessException | InvocationTargetException e) {
                e.printStackTrace();
                System.exit(1);
            }
        } catch (IllegalAccessException | InvocationTargetException e) {
            e.printStackTrace();
            System.exit(1);
        }
        byte[] input = java.util.Base64.getDecoder().decode(base64Bytes);
        ai.seedcore.serve.daemon.door.DoorFuzz.fuzzerTestOneInput(input);
    }
}