package cn.dockos.hello;

import java.io.IOException;

import jakarta.servlet.ServletException;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;

/** 回答 /hello/greet?name=…，页面由 greet.jsp 显示。 */
@WebServlet("/greet")
public class HelloServlet extends HttpServlet {
    private static final long serialVersionUID = 1;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws ServletException, IOException {
        String name = request.getParameter("name");
        if (name == null || name.isBlank()) {
            name = "世界";
        }
        request.setAttribute("greeting", "你好，" + name);
        request.getRequestDispatcher("/WEB-INF/greet.jsp").forward(request, response);
    }
}
