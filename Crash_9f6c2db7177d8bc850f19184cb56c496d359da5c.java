import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

public class Crash_9f6c2db7177d8bc850f19184cb56c496d359da5c {
    static final String base64Bytes = String.join("", "R0VUaSAvT3RoZXIgSFRUUC8xLjIuMy40LCA6OjEsLA0KVmlhOiAxLjEgeA0KQXV0aG9yaXphdGlvbjogYmUKQ29va2llOiBhPWINCg0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAK");

    public static void main(String[] args) throws Throwable {
        Crash_9f6c2db7177d8bc850f19184cb56c496d359da5c.class.getClassLoader().setDefaultAssertionStatus(true);
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