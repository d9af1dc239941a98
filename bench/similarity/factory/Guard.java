/** What a rewritten library carries along: it opens the strings that {@link Hostile} closed, and holds the number that no optimiser can foresee. */
public class Guard {
    public static volatile int seed = 1;

    public static String open(String closed, int key) {
        char[] letters = closed.toCharArray();
        for (int n = 0; n < letters.length; n++) {
            letters[n] ^= (char) (key & 0x7f);
            key = key * 31 + 17;
        }
        return new String(letters);
    }
}
