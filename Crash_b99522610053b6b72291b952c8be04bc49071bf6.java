import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

public class Crash_b99522610053b6b72291b952c8be04bc49071bf6 {
    static final String base64Bytes = String.join("", "R0VUIC8gSFRUUC8xLjENCkhvc3Q6IGgNCg0KR0VUIC9oZWFsdGggSFRUUC8yLjENCkhvc3Q6IGgNCg0KR0VUIC8tL3JvdXRlcyBIVFRQLzEuMQ0KSG9zdDogaA0KDQo=");

    public static void main(String[] args) throws Throwable {
        Crash_b99522610053b6b72291b952c8be04bc49071bf6.class.getClassLoader().setDefaultAssertionStatus(true);
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