/** 第一个程序。按 Ctrl+F11 运行，结果在下方的 Console 里。 */
public class Hello {
    public static void main(String[] args) {
        System.out.println("你好，世界");
    }
}
