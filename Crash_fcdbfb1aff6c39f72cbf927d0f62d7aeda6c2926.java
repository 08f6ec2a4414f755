import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

public class Crash_fcdbfb1aff6c39f72cbf927d0f62d7aeda6c2926 {
    static final String base64Bytes = String.join("", "UE9TVCAvQSBIVFRQLzEuMQ0KSG9zdDogaA0KQ29udGVudC1FbmNvZGluZzogZ3ppcA0KQ29udGVudC1MZW5ndGg6IDM0DQoNCh+LCACTxgdrAv+rVkpUsjKsrR6lRqmhRgEA49WfNLwCAAA=");

    public static void main(String[] args) throws Throwable {
        Crash_fcdbfb1aff6c39f72cbf927d0f62d7aeda6c2926.class.getClassLoader().setDefaultAssertionStatus(true);
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